/** Item 10 of issue 16: with RECEIPT_HASHES the receipt has hashes of the bytes that went to the upstream and came from it. */
import { afterAll, expect, test } from 'bun:test'
import { startApp, type TestApp } from './attacks/rig.ts'
import { until } from './waiting.ts'

const sha256 = (text: string) => new Bun.CryptoHasher('sha256').update(text).digest('hex')

/** What the upstream got and said, the last time. */
const last = { asked: '', answered: '' }
const chunk = (fields: object) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', ...fields })}\n\n`
const streamed = [
  chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Hä' }, finish_reason: null }] }),
  chunk({ choices: [{ index: 0, delta: { content: 'llo' }, finish_reason: null }] }),
  chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
  'data: [DONE]\n\n',
]
const whole = JSON.stringify({
  ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hällo' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
})
const upstream = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request) {
    if (request.method === 'GET') return Response.json({ data: [{ id: 'm' }] })
    last.asked = await request.text()
    const { stream, fails } = JSON.parse(last.asked)
    last.answered = fails ? '{"error":{"message":"no"}}' : stream ? streamed.join('') : whole
    if (!stream)
      return new Response(last.answered, { status: fails ? 400 : 200, headers: { 'content-type': 'application/json' } })
    return new Response(slowly(streamed), { headers: { 'content-type': 'text/event-stream' } })
  },
})
afterAll(() => upstream.stop(true))

/** Sends each piece by itself. */
async function* slowly(pieces: readonly string[]) {
  for (const piece of pieces) {
    yield Buffer.from(piece)
    await Bun.sleep(1)
  }
}

async function ask({ url }: TestApp, fields: object = {}) {
  const body = JSON.stringify({ model: 'lab/m', messages: [{ role: 'user', content: 'Grüße' }], ...fields })
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  return { headers: response.headers, text: await response.text() }
}

const start = (variables: Readonly<Record<string, string>> = {}) =>
  startApp({ UPSTREAM_LAB_URL: `http://127.0.0.1:${upstream.port}/v1`, UPSTREAM_LAB_MODELS: 'm', ...variables })

const chatLine = async ({ lines }: TestApp) => {
  await until(() => lines.some((line) => line.includes('"msg":"chat"')), 10_000, 'the line')
  return JSON.parse(lines.splice(0).find((line) => line.includes('"msg":"chat"')) ?? '')
}

test('the headers, the log line and the request’s details have the hashes of both bodies', async () => {
  await using app = start({ RECEIPT_HASHES: 'true' })
  for (const stream of [false, false, true]) {
    const { headers } = await ask(app, { stream })
    const [asked, answered] = [sha256(last.asked), sha256(last.answered)]
    expect(headers.get('x-tributary-asked-sha256')).toBe(asked)
    // a stream's hash is known only at its end, so it is in the other two places
    expect(headers.get('x-tributary-answered-sha256')).toBe(stream ? null : answered)
    const bytes = { askedBytes: Buffer.byteLength(last.asked), answeredBytes: Buffer.byteLength(last.answered) }
    expect((await chatLine(app)).hashes).toEqual([
      { upstream: 'lab', askedSha256: asked, answeredSha256: answered, ...bytes },
    ])
    const { timeline } = JSON.parse(await (await fetch(`${app.url}/v1/requests/${headers.get('x-request-id')}`)).text())
    expect(timeline.attempts[0].hashes).toEqual({
      asked: { sha256: asked, bytes: bytes.askedBytes },
      answered: { sha256: answered, bytes: bytes.answeredBytes },
    })
  }
})

test('a refusal is hashed too, and an export for others has no hash', async () => {
  await using app = start({ RECEIPT_HASHES: 'true' })
  const { headers } = await ask(app, { fails: true })
  expect(headers.get('x-tributary-asked-sha256')).toBe(sha256(last.asked))
  expect((await chatLine(app)).hashes).toMatchObject([{ answeredSha256: sha256(last.answered) }])
  const exported = await (await fetch(`${app.url}/admin/requests/${headers.get('x-request-id')}/export`)).text()
  expect(exported).toContain('"format":"tributary-request"')
  expect(exported).not.toContain('sha256')
})

test('a request from another dialect is hashed as it was sent', async () => {
  await using app = start({ RECEIPT_HASHES: 'true' })
  const body = JSON.stringify({ model: 'lab/m', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] })
  const headers = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' }
  const answer = await fetch(`${app.url}/v1/messages`, { method: 'POST', headers, body })
  await answer.text()
  expect(last.asked).not.toBe(body)
  expect(answer.headers.get('x-tributary-asked-sha256')).toBe(sha256(last.asked))
  expect(answer.headers.get('x-tributary-answered-sha256')).toBe(sha256(last.answered))
})

test('without the setting there is none', async () => {
  await using app = start()
  const { headers } = await ask(app)
  expect(headers.get('x-tributary-asked-sha256')).toBeNull()
  expect(await chatLine(app)).not.toHaveProperty('hashes')
})
