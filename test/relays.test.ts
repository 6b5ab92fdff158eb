/** What is relayed byte for byte, with the whole program, the official client and real sockets. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createServer } from 'node:http'
import { z } from 'zod'
import { emulateHttp } from '../src/wire/emulator/http.ts'
import { startGateway } from './chaos/gateway.ts'
import { errorFrom, startTasks } from './task-rig.ts'
import { each, measureBelow, until } from './waiting.ts'

setDefaultTimeout(60_000)

const open: { close(): Promise<unknown> }[] = []
afterAll(() => Promise.all(open.map((one) => one.close())))

async function start(options: Parameters<typeof startTasks>[0] = {}) {
  const rig = await startTasks(options)
  open.push(rig)
  return rig
}

const ErrorBody = z.object({ error: z.object({ message: z.string(), code: z.string().nullable(), type: z.string() }) })
const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher('sha256').update(bytes).digest('hex')

test('the official client moderates, draws and speaks', async () => {
  const { openai } = await start()
  const moderation = await openai.moderations.create({ model: 'lab/omni-moderation', input: 'hello' })
  expect(moderation.results).toMatchObject([{ flagged: false }])
  const image = await openai.images.generate({ model: 'lab/gpt-image', prompt: 'a cat' })
  expect(image.data?.[0]?.b64_json).toBe('YW4gaW1hZ2U=')
  const types = []
  for await (const event of await openai.images.generate({ model: 'lab/gpt-image', prompt: 'a cat', stream: true }))
    types.push(event.type)
  expect(types.map(String)).toEqual(['image_generation.partial_image', 'image_generation.completed'])
  const speech = await openai.audio.speech.create({ model: 'lab/tts', voice: 'alloy', input: 'hello' })
  expect(speech.headers.get('content-type')).toBe('audio/mpeg')
  expect([...new Uint8Array(await speech.arrayBuffer())].slice(0, 8)).toEqual([255, 251, 144, 0, 255, 254, 13, 10])
  expect([speech.headers.get('x-tributary-upstream'), speech.headers.get('x-tributary-attempts')]).toEqual(['lab', '1'])
})

test("a moderation without a model is asked of OpenAI's usual one", async () => {
  const { openai, emulator } = await start({ variables: { UPSTREAM_LAB_MODELS: 'omni-moderation-latest' } })
  expect((await openai.moderations.create({ input: 'hello' })).model).toBe('omni-moderation-latest')
  expect(JSON.parse(emulator.requests.at(-1)?.body ?? '')).toEqual({ input: 'hello', model: 'omni-moderation-latest' })
})

test('a form reaches the upstream with its own name of the model, wherever the field is, and with the same file', async () => {
  const { gateway, openai } = await start()
  const file = crypto.getRandomValues(new Uint8Array(60_000))
  const expected = `whisper-1 60000 ${sha256(file)}`
  const upload = new File([file], 'speech.mp3')
  expect((await openai.audio.transcriptions.create({ model: 'lab/whisper-1', file: upload })).text).toBe(expected)
  expect((await openai.audio.translations.create({ model: 'lab/whisper-1', file: upload })).text).toBe(expected)
  for (const path of ['/v1/audio/transcriptions', '/audio/transcriptions']) {
    const form = new FormData()
    form.append('file', upload)
    form.append('language', 'fr')
    form.append('model', 'lab/whisper-1')
    const response = await fetch(`${gateway.url}${path}`, { method: 'POST', body: form })
    expect(await response.json()).toMatchObject({ text: expected })
  }
})

test('a JSON body changes only in the name of its model', async () => {
  const { post, emulator } = await start()
  const bodies = [
    [
      '{ "model" : "lab/ranker",\n "query":"q", "documents":["é", 1e2] }',
      '{ "model" : "ranker",\n "query":"q", "documents":["é", 1e2] }',
    ],
    [
      '{"documents":[],"query":"the \\"model\\" of it","model":"lab/ranker"}',
      '{"documents":[],"query":"the \\"model\\" of it","model":"ranker"}',
    ],
    [
      '{"model":"lab/ranker","documents":[{"model":"x"}],"query":"q"}',
      '{"model":"ranker","documents":[{"model":"x"}],"query":"q"}',
    ],
  ]
  for (const path of ['/v1/rerank', '/v2/rerank', '/rerank'])
    for (const [sent = ''] of bodies) expect((await post(path, sent)).status).toBe(200)
  const got = emulator.requests.filter(({ path }) => path === '/v1/rerank').map(({ body }) => body)
  expect(got).toEqual([...bodies, ...bodies, ...bodies].map(([, upstream = '']) => upstream))
})

test("a client's own key and its wishes of the gateway reach no upstream", async () => {
  const { post, emulator, gateway } = await start()
  const own = { api_key: 'sk-client-0123456789', tributary: { emulate: false } }
  const bodies = {
    '/v1/moderations': { input: 'a' },
    '/v1/embeddings': { input: 'a' },
    '/v1/completions': { prompt: 'a' },
  }
  for (const [path, body] of Object.entries(bodies))
    expect((await post(path, { model: 'lab/m', ...own, ...body })).status).toBe(200)
  for (const isFirst of [true, false]) {
    const form = new FormData()
    if (isFirst) form.append('api_key', own.api_key)
    form.append('file', new File([new Uint8Array(100)], 'speech.mp3'))
    form.append('model', 'lab/whisper-1')
    if (!isFirst) form.append('api_key', own.api_key)
    const reply = await fetch(`${gateway.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
    expect(await reply.json()).toMatchObject({ text: expect.stringContaining('whisper-1 100 ') })
  }
  const got = emulator.requests.map(({ body }) => body).join('\n')
  expect([got.includes('api_key'), got.includes('tributary'), got.includes(own.api_key)]).toEqual([false, false, false])
})

test('a form with two models is refused, because servers differ in which one they take', async () => {
  const { gateway } = await start()
  const form = new FormData()
  for (const model of ['lab/whisper-1', 'lab/m']) form.append('model', model)
  const reply = await fetch(`${gateway.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
  const { error } = ErrorBody.parse(await reply.json())
  expect([reply.status, error.message]).toEqual([400, 'model: must be one field of the form, not two.'])
})

test('a refused or limited key is replaced, also for a file', async () => {
  // with a list of its models, the upstream is not asked for one, which would rest the bad key
  const variables = { UPSTREAM_LAB_MODELS: 'whisper-1, m' }
  const { openai, gateway } = await start({ keys: ['bad-1', 'good-1'], variables })
  const file = new File([new Uint8Array(200_000)], 'speech.mp3')
  const { text } = await openai.audio.transcriptions.create({ model: 'lab/whisper-1', file })
  expect(text).toStartWith('whisper-1 200000 ')
  expect(gateway.lines.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({
      msg: 'transcription',
      outcome: 'ok',
      attempts: 2,
      account: 'UPSTREAM_LAB_KEY_2',
      inputTokens: 3,
    }),
  )
  let asked = 0
  const limited = await start({
    keys: ['good-1', 'good-2'],
    tasks: { reply: () => (++asked === 1 ? { status: 429, headers: { 'retry-after': '60' } } : undefined) },
  })
  expect((await limited.openai.moderations.create({ model: 'lab/m', input: 'a' })).results).toHaveLength(1)
})

test('an upstream without the route is asked once, and the error names those that may have it', async () => {
  const { post, emulator } = await start({
    tasks: { lacks: ['/rerank'] },
    variables: {
      UPSTREAM_OTHER_URL: 'http://127.0.0.1:1/v1',
      COHERE_TOKEN: 'some-token',
      COHERE_BASE_URL: 'http://127.0.0.1:1',
    },
  })
  for (const text of ['No such path.', 'lab does not serve /v1/rerank with this model.']) {
    const response = await post('/v1/rerank', { model: 'lab/ranker', query: 'q', documents: [] })
    const { error } = ErrorBody.parse(await response.json())
    expect([response.status, error.code, error.type]).toEqual([400, 'unsupported_task', 'invalid_request_error'])
    expect(error.message).toContain(text)
    expect(error.message).toContain('These upstreams may: other, cohere.')
  }
  expect(emulator.requests.filter(({ path }) => path === '/v1/rerank')).toHaveLength(1)
})

test('what cannot be relayed is refused in the shape of OpenAI', async () => {
  const { post } = await start({ variables: { MAX_BODY_BYTES: '2000' } })
  const fault = async (path: string, body: string | object, type?: string) => {
    const response = await post(path, body, type === undefined ? {} : { 'content-type': type })
    return [response.status, ErrorBody.parse(await response.json()).error.message]
  }
  const form = 'multipart/form-data; boundary=b'
  expect(await fault('/v1/images/generations', '{"prompt":"a"}')).toEqual([400, 'model: is required.'])
  expect(await fault('/v1/moderations', '[]')).toEqual([400, 'The body must be a JSON object with "model".'])
  expect(await fault('/v1/audio/transcriptions', {})).toEqual([
    415,
    'The body must be a form. Send "content-type: multipart/form-data" with its boundary.',
  ])
  expect(await fault('/v1/audio/transcriptions', 'no form', form)).toEqual([400, 'model: is required.'])
  expect((await fault('/v1/audio/transcriptions', 'a'.repeat(3_000), form))[0]).toBe(413)
  expect(await fault('/v1/rerank', { model: 'ranker-2' })).toEqual([
    404,
    expect.stringMatching(/^The model "ranker-2" does not exist here\. .+GET \/v1\/models lists those that do\.$/),
  ])
})

test('a reply that breaks off is broken off for the client, and never looks whole', async () => {
  for (const ending of ['rst', 'fin'] as const) {
    const { post } = await start({
      tasks: {
        reply: () => ({ headers: { 'content-type': 'audio/mpeg' }, body: ['a'.repeat(5_000)], endDelayMs: 20, ending }),
      },
    })
    const response = await post('/v1/audio/speech', { model: 'lab/tts', input: 'a', voice: 'b' })
    expect(response.status).toBe(200)
    expect(
      await response.bytes().then(
        () => 'whole',
        () => 'broken',
      ),
    ).toBe('broken')
  }
})

test('a failure before the reply is an error of the surface, whatever the upstream sends', async () => {
  for (const script of [
    { status: 500, body: ['<html>oops</html>'], headers: { 'content-type': 'text/html' } },
    { status: 200, body: ['<html>sign in</html>'], headers: { 'content-type': 'text/html' } },
    { framing: 'raw', body: ['garbage\r\n\r\n'], ending: 'fin' },
  ] as const) {
    const { openai } = await start({ tasks: { reply: () => script } })
    const error = await errorFrom(openai.moderations.create({ model: 'lab/m', input: 'a' }))
    expect([script.body[0], error.status]).toEqual([script.body[0], 502])
  }
})

test('a reply without a byte is a failure that is tried again, but a transcript may be empty', async () => {
  for (const ending of ['fin', 'rst'] as const) {
    let asked = 0
    const empty = { headers: { 'content-type': 'application/json' }, body: [], endDelayMs: 20, ending }
    const { openai } = await start({ tasks: { reply: () => (++asked === 1 ? empty : undefined) } })
    expect((await openai.moderations.create({ model: 'lab/m', input: 'a' })).results).toHaveLength(1)
  }
  const { openai } = await start({
    tasks: { reply: () => ({ headers: { 'content-type': 'text/plain; charset=utf-8' }, body: [] }) },
  })
  const file = new File([new Uint8Array(100)], 'silence.mp3')
  const text = await openai.audio.transcriptions.create({ model: 'lab/whisper-1', file, response_format: 'text' })
  expect(text).toBe('')
})

test('a client that leaves, before the reply or in it, ends the request to the upstream', async () => {
  for (const body of [[], ['the beginning']]) {
    const { gateway, emulator } = await start({ tasks: { reply: () => ({ body, ending: 'stall' }) } })
    const leaving = new AbortController()
    const asked = fetch(`${gateway.url}/v1/audio/speech`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'lab/tts', input: 'a', voice: 'b' }),
      signal: leaving.signal,
    })
    const over = asked.then((response) => response.bytes()).catch(() => undefined)
    await until(() => emulator.openConnections() === 1, 5_000, 'the upstream is asked')
    if (body.length > 0) await asked
    leaving.abort()
    await over
    await until(() => emulator.openConnections() === 0, 2_000, 'the upstream is free')
  }
})

test('twenty clients at once get their own files back', async () => {
  const { openai } = await start()
  await each(
    Array.from({ length: 20 }, (_, at) => at),
    20,
    async (at) => {
      const bytes = new Uint8Array(50_000 + at).fill(at)
      const file = new File([bytes], `${at}.mp3`)
      const { text } = await openai.audio.transcriptions.create({ model: `lab/whisper-${at}`, file })
      expect(text).toBe(`whisper-${at} ${bytes.length} ${sha256(bytes)}`)
    },
  )
})

test('a slow reader of a long reply holds its upstream back', async () => {
  let written = 0
  const piece = new Uint8Array(64 * 1024)
  const upstream = await emulateHttp(async (exchange) => {
    exchange.head(200, { 'content-type': 'audio/mpeg' })
    while (exchange.isOpen() && written < 200 * 1024 * 1024) {
      await exchange.chunk(piece)
      written += piece.length
    }
  })
  open.push(upstream)
  const gateway = startGateway({ UPSTREAM_LAB_URL: `${upstream.origin}/v1`, UPSTREAM_LAB_MODELS: 'tts' })
  open.push(gateway)
  const response = await fetch(`${gateway.url}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tts', input: 'a', voice: 'b' }),
  })
  let seen = -1
  await until(
    () => {
      const still = seen === written
      seen = written
      return still && written > 0 && Bun.sleepSync(5) === undefined
    },
    20_000,
    'the upstream waits',
  )
  expect(written).toBeLessThan(40 * 1024 * 1024)
  await response.body?.cancel()
})

test('a file of 10 MB goes through several times, to a second key too, and none of it is kept', async () => {
  const received: number[] = []
  const upstream = createServer((request, response) => {
    let bytes = 0
    request.on('data', (piece: Buffer) => {
      bytes += piece.length
    })
    request.on('end', () => {
      received.push(bytes)
      const isRefused = request.headers.authorization === 'Bearer bad-1'
      response.writeHead(isRefused ? 401 : 200, { 'content-type': 'application/json' })
      response.end(isRefused ? '{"error":{"message":"no"}}' : JSON.stringify({ text: String(bytes) }))
    })
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const address = upstream.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const gateway = startGateway({
    UPSTREAM_LAB_URL: `http://127.0.0.1:${port}/v1`,
    UPSTREAM_LAB_MODELS: 'whisper',
    UPSTREAM_LAB_KEY_1: 'bad-1',
    UPSTREAM_LAB_KEY_2: 'good-1',
  })
  open.push(gateway, { close: async () => upstream.close() })
  const form = new FormData()
  form.append('file', new File([new Uint8Array(10_000_000)], 'speech.mp3'))
  form.append('model', 'lab/whisper')
  const upload = async () => {
    const response = await fetch(`${gateway.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
    expect(await response.text()).toMatch(/"1000\d{4}"/)
    return response.headers.get('x-tributary-attempts')
  }
  expect(await upload()).toBe('2')
  const megabytes = () => {
    Bun.gc(true)
    return process.memoryUsage.rss() / 1e6
  }
  const keptBy = async () => {
    const before = megabytes()
    for (let round = 0; round < 8; round++) await upload()
    return megabytes() - before
  }
  await measureBelow(25, 'megabytes that are kept', keptBy)
  expect(new Set(received).size).toBe(1)
})
