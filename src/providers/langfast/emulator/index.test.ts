import { afterAll, describe, expect, test } from 'bun:test'
import { until, within } from '../../../../test/waiting.ts'
import { newCancel } from '../../../wire/machine.double.ts'
import { openWebSocket } from '../../../wire/websocket.ts'
import { emulateLangfast } from './index.ts'

/**
 * Each test makes one mistake. If the emulator accepted it, no test of the adapter could find such a mistake.
 */
const langfast = await emulateLangfast({ promptIds: ['a-prompt'], pulse: pulseOf(600_000) })
/** This emulator soon closes a connection that does not connect, or does not answer pings. */
const impatient = await emulateLangfast({ promptIds: ['a-prompt'], pulse: pulseOf(40) })
afterAll(() => Promise.all([langfast.close(), impatient.close()]))

function pulseOf(ms: number) {
  return { connectTimeout: 2 * ms, pingInterval: ms, pingTimeout: ms }
}

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
    ['with the key in place of a token', 401, { headers: { authorization: `Bearer ${langfast.anonKey}` } }],
    ['with no token', 401, { headers: { authorization: '' } }],
    ['with a token that was changed', 401, { headers: { authorization: `Bearer ${session.access_token}x` } }],
    ['with a token that has ended', 401, { headers: { authorization: `Bearer ${ended.access_token}` } }],
    ['in the name of another user', 403, { body: { created_by: crypto.randomUUID() } }],
    ['of an unknown prompt', 404, { body: { prompt_id: 'another' } }],
    ['without a prompt', 400, { body: { prompt_id: undefined } }],
    ['without an id', 400, { body: { run_id: 'one' } }],
    ['with an unknown field', 400, { body: { stream: true } }],
    ['with invalid test cases', 400, { body: { test_cases: [{ name: 'a' }] } }],
    ['without messages', 400, { meta: { messages: [] } }],
    ['with the role developer', 400, { meta: { messages: [{ role: 'developer', content: 'a' }] } }],
    ['with content in parts', 400, { meta: { messages: [{ role: 'user', content: [] }] } }],
    ['with tools', 400, { meta: { tools: [] } }],
    ['with max_tokens', 400, { meta: { max_tokens: 9 } }],
    ['without max_completion_tokens', 400, { meta: { max_completion_tokens: undefined } }],
    ['with a format that is an object', 400, { meta: { response_format: { type: 'text' } } }],
    ['without a stream', 400, { meta: { stream: false } }],
    ['of a reasoning model with a temperature', 400, { meta: { model: 'gpt-5', temperature: 0.7 } }],
    ['with a temperature over 2', 400, { meta: { temperature: 2.1 } }],
    ['at an unknown path', 404, { path: '/functions/v1/other' }],
  ]
  for (const [what, status, wrong] of rows)
    test(what, async () => expect((await post(session, wrong)).status).toBe(status))

  test('with an id that was used before', async () => {
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

  test('like a prompt with an invalid body', async () => {
    const response = await post(session, { path: '/rest/v1/rpc/create_prompt' })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ code: 'PGRST202' })
  })
})

/** Sends these texts on a new connection, and collects the replies until the connection closes. */
async function converse(texts: readonly string[], { socketUrl } = langfast) {
  const url = `${socketUrl}/socket.io/?EIO=4&transport=websocket`
  const socket = await openWebSocket({ url, headers: {} }, never)
  for (const text of texts) socket.send(text)
  const messages: string[] = []
  const read = async () => {
    try {
      for await (const message of socket.messages) messages.push(message.replace(/"sid":"[^"]+"/, '"sid":"…"'))
    } catch {
      // the connection broke
    }
  }
  return { socket, messages, ended: within(read(), 60_000, 'the end') }
}

const opening = '0{"sid":"…","upgrades":[],"pingInterval":600000,"pingTimeout":600000,"maxPayload":1000000}'
const connect = (token: string) => `40${JSON.stringify({ token })}`

describe('a connection', () => {
  const session = langfast.signIn()

  for (const [what, query, status] of [
    ['with an older protocol version', 'EIO=3&transport=websocket', 400],
    ['with polling', 'EIO=4&transport=polling', 400],
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
      const { messages, socket } = await converse([text])
      await until(() => messages.length === 2, 60_000, 'the refusal')
      expect(messages).toEqual([opening, '44{"message":"Not authorized"}'])
      socket.close()
    })

  for (const [what, texts] of [
    ['that sends an event before it is connected', ['42["a"]']],
    ['that sends an invalid packet', [connect(session.access_token), 'hello']],
  ] as const)
    test(`${what} is closed`, async () => {
      const { ended } = await converse(texts)
      await ended
    })

  for (const [what, texts] of [
    ['that sends nothing', []],
    ['that does not answer pings', [connect(impatient.signIn().access_token)]],
  ] as const)
    test(`${what} is closed in time`, async () => {
      const { ended } = await converse(texts, impatient)
      await ended
    })

  test('gets the answers of its own user, and each of them once', async () => {
    await post(session)
    const own = await converse([connect(session.access_token)])
    const other = await converse([connect(langfast.signIn().access_token)])
    await until(() => own.messages.length === 2 && other.messages.length === 2, 60_000, 'both are in')
    await post(session)
    await until(() => own.messages.some((text) => text.includes('completion_finished')), 60_000, 'the end')
    const received = own.messages.filter((text) => text.startsWith('42'))
    expect(received.filter((text) => text.includes('"completed"'))).toHaveLength(1)
    expect(other.messages.filter((text) => text.startsWith('42'))).toEqual([])
    own.socket.close()
    other.socket.close()
  })
})
