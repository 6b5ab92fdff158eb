import { afterAll, describe, expect, test } from 'bun:test'
import { until, within } from '../../../../test/waiting.ts'
import { newCancel } from '../../../wire/machine.double.ts'
import { openWebSocket } from '../../../wire/websocket.ts'
import { emulateLangfast } from './index.ts'

/** A client that does one thing wrong at a time: what the emulator let pass, no test of the adapter would find. */
const langfast = await emulateLangfast({
  promptIds: ['a-prompt'],
  pulse: { connectTimeout: 80, pingInterval: 40, pingTimeout: 40 },
})
afterAll(() => langfast.close())
const never = newCancel()

interface Wrong {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  readonly meta?: object
  readonly path?: string
}

function post(session: ReturnType<typeof langfast.signIn>, { headers, body, meta, path }: Wrong = {}) {
  const right = {
    run_id: crypto.randomUUID(),
    prompt_id: 'a-prompt',
    prompt_meta: {
      model: 'gpt-4o-mini',
      messages: [{ role: 'user', content: 'Hello' }],
      max_completion_tokens: 9,
      response_format: 'text',
      stream: true,
      ...meta,
    },
    test_cases: [],
    created_by: session.user.id,
  }
  return fetch(langfast.origin + (path ?? '/functions/v1/initiate-prompt-run'), {
    method: 'POST',
    headers: { apikey: langfast.anonKey, authorization: `Bearer ${session.access_token}`, ...headers },
    body: JSON.stringify({ ...right, ...body }),
  })
}

describe('a run is refused', () => {
  const session = langfast.signIn()
  const ended = langfast.signIn()
  langfast.refuse(ended.access_token)
  const twice = crypto.randomUUID()
  const rows: readonly (readonly [string, number, Wrong])[] = [
    ['with a wrong key', 401, { headers: { apikey: 'wrong' } }],
    ['with the key for a token', 401, { headers: { authorization: `Bearer ${langfast.anonKey}` } }],
    ['with no token', 401, { headers: { authorization: '' } }],
    ['with a token that was changed', 401, { headers: { authorization: `Bearer ${session.access_token}x` } }],
    ['with a token that has ended', 401, { headers: { authorization: `Bearer ${ended.access_token}` } }],
    ['in the name of somebody else', 403, { body: { created_by: crypto.randomUUID() } }],
    ['of an unknown prompt', 404, { body: { prompt_id: 'another' } }],
    ['of no prompt', 400, { body: { prompt_id: undefined } }],
    ['without an id', 400, { body: { run_id: 'one' } }],
    ['with more than there is', 400, { body: { stream: true } }],
    ['with test cases of another shape', 400, { body: { test_cases: [{ name: 'a' }] } }],
    ['without messages', 400, { meta: { messages: [] } }],
    ['with a developer', 400, { meta: { messages: [{ role: 'developer', content: 'a' }] } }],
    ['with content in parts', 400, { meta: { messages: [{ role: 'user', content: [] }] } }],
    ['with tools', 400, { meta: { tools: [] } }],
    ['with max_tokens', 400, { meta: { max_tokens: 9 } }],
    ['without max_completion_tokens', 400, { meta: { max_completion_tokens: undefined } }],
    ['with a format that is an object', 400, { meta: { response_format: { type: 'text' } } }],
    ['not as a stream', 400, { meta: { stream: false } }],
    ['of a reasoning model with a temperature', 400, { meta: { model: 'gpt-5', temperature: 0.7 } }],
    ['too hot', 400, { meta: { temperature: 2.1 } }],
    ['elsewhere', 404, { path: '/functions/v1/other' }],
  ]
  for (const [what, status, wrong] of rows)
    test(what, async () => expect((await post(session, wrong)).status).toBe(status))

  test('a second time', async () => {
    expect((await post(session, { body: { run_id: twice } })).status).toBe(200)
    expect((await post(session, { body: { run_id: twice } })).status).toBe(409)
  })

  test('without the key', async () => {
    const url = `${langfast.origin}/functions/v1/initiate-prompt-run`
    const headers = { authorization: `Bearer ${session.access_token}` }
    expect(await (await fetch(url, { method: 'POST', headers, body: '{}' })).json()).toEqual({
      message: 'No API key found in request',
    })
  })

  test('so is a prompt of another shape', async () => {
    const response = await post(session, { path: '/rest/v1/rpc/create_prompt' })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ code: 'PGRST202' })
  })
})

/** What a client hears that says these things, until it is left alone. */
async function heard(texts: readonly string[], query = 'EIO=4&transport=websocket') {
  const url = `${langfast.socketUrl}/socket.io/?${query}`
  const socket = await openWebSocket({ url, headers: {} }, never)
  for (const text of texts) socket.send(text)
  const messages: string[] = []
  const read = async () => {
    try {
      for await (const message of socket.messages) messages.push(message.replace(/"sid":"[^"]+"/, '"sid":"…"'))
    } catch {
      // it was left
    }
  }
  return { socket, messages, over: within(read(), 2_000, 'the end') }
}

const opening = '0{"sid":"…","upgrades":[],"pingInterval":40,"pingTimeout":40,"maxPayload":1000000}'
const connect = (token: string) => `40${JSON.stringify({ token })}`

describe('a connection', () => {
  const session = langfast.signIn()

  for (const [what, query, status] of [
    ['of an older protocol', 'EIO=3&transport=websocket', 400],
    ['by polling', 'EIO=4&transport=polling', 400],
  ] as const)
    test(`${what} is refused`, async () => {
      const response = await fetch(`${langfast.socketUrl}/socket.io/?${query}`)
      expect(response.status).toBe(status)
    })

  for (const [what, text] of [
    ['no token', '40'],
    ['no auth', '40{}'],
    ['a wrong token', connect('wrong')],
    ['a token that is no text', '40{"token":7}'],
  ] as const)
    test(`with ${what} is not authorized`, async () => {
      const { messages, socket } = await heard([text])
      await until(() => messages.length === 2, 1_000, 'the refusal')
      expect(messages).toEqual([opening, '44{"message":"Not authorized"}'])
      socket.close()
    })

  for (const [what, texts] of [
    ['that asks for nothing', []],
    ['that speaks before it is in', ['42["a"]']],
    ['that says what is no packet', [connect(session.access_token), 'hello']],
    ['that answers no ping', [connect(session.access_token)]],
  ] as const)
    test(`${what} is closed`, async () => {
      const { over } = await heard(texts)
      await over
    })

  test('is told the answers of its user, which come once, and of nobody else', async () => {
    await post(session)
    const own = await heard([connect(session.access_token)])
    const other = await heard([connect(langfast.signIn().access_token)])
    await until(() => own.messages.length === 2 && other.messages.length === 2, 1_000, 'both are in')
    await post(session)
    await until(() => own.messages.some((text) => text.includes('completion_finished')), 1_000, 'the end')
    const told = own.messages.filter((text) => text.startsWith('42'))
    expect(told.filter((text) => text.includes('"completed"'))).toHaveLength(1)
    expect(other.messages.filter((text) => text.startsWith('42'))).toEqual([])
    own.socket.close()
    other.socket.close()
  })
})
