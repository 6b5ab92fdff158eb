/** Streams that a client reads again after its connection has broken, in every dialect. */
import { afterAll, describe, expect, test } from 'bun:test'
import { emulateOpenai, frame } from '../src/providers/openai-compatible/emulator/index.ts'
import { MemoryStore } from '../src/state/memory/memory-store.ts'
import { machine } from '../src/wire/machine.double.ts'
import { startChatServer } from './chaos/chat-server-rig.ts'
import { until } from './waiting.ts'

/** A store that outlives its gateway, like a file. */
class LastingStore extends MemoryStore {
  constructor() {
    super({ runtime: machine })
  }

  override async close(): Promise<void> {
    // the next gateway uses it
  }
}

const emulator = await emulateOpenai()
const keys = ['sk-ada-0123456789abcdef', 'sk-bob-0123456789abcdef']
const variables = { API_MASTER_KEY: keys.join(','), UPSTREAM_LAB_URL: emulator.url, SHUTDOWN_GRACE: '1' }
const store = new LastingStore()
const start = () => startChatServer(variables, { store, surroundings: { runtime: machine } })
const gateway = start()
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await emulator.close()
})

const delta = (content: string) => frame({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })
const end = [frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }), 'data: [DONE]\n\n']
const words = ['one ', 'two ', 'three ', 'four ', 'five.']

/** Scripts an answer that stops after two words until it is let go. */
function scriptHalves({ ending = end }: { ending?: readonly string[] } = {}) {
  const gate = Promise.withResolvers<void>()
  async function* body(): AsyncGenerator<string> {
    yield* words.slice(0, 2).map(delta)
    await gate.promise
    yield* words.slice(2).map(delta)
    yield* ending
  }
  emulator.script({ body: body() })
  return { goOn: gate.resolve }
}

const messages = [{ role: 'user', content: 'Count.' }]
const bodies = {
  '/v1/chat/completions': { model: 'lab/gpt-test', stream: true, messages },
  '/v1/messages': { model: 'lab/gpt-test', stream: true, messages, max_tokens: 100 },
  '/v1/responses': { model: 'lab/gpt-test', stream: true, input: 'Count.', store: false },
} as const
type Path = keyof typeof bodies

interface Asking {
  readonly url?: string
  readonly key?: string | undefined
  readonly body?: object
}

const headersOf = (key = keys[0]) => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json' })
const ask = (path: string, { url = gateway.url, key, body = bodies['/v1/chat/completions'] }: Asking = {}) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { ...headersOf(key), 'x-tributary-resumable': 'true' },
    body: JSON.stringify(body),
  })
const resume = (path: string, last: string | undefined, { url = gateway.url, key }: Asking = {}) =>
  fetch(`${url}${path}`, { headers: { ...headersOf(key), ...(last !== undefined && { 'last-event-id': last }) } })
const streamOf = (response: Response) => `/v1/streams/${response.headers.get('x-tributary-stream')}`

/** Reads until the text has come, and leaves. */
async function readUntil(response: Response, wanted: string): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let read = ''
  while (!read.includes(wanted)) {
    const { value, done } = (await reader?.read()) ?? { done: true, value: undefined }
    if (done) throw new Error(`ended without ${wanted}: ${read}`)
    read += value
  }
  await reader?.cancel()
  return read
}

const lastId = (read: string) => [...read.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1]
const idsIn = (read: string) => [...read.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
const withoutComments = (read: string) => read.replace(/^:.*\n\n/gm, '')

test('an id that no header may have is no stream', async () => {
  for (const id of ['%00', '%0d%0a', '%E2%82%AC'])
    expect((await resume(`/v1/streams/${id}`, undefined)).status).toBe(404)
})

describe.each(Object.keys(bodies) as Path[])('%s', (path) => {
  test('goes on exactly after the last event', async () => {
    const { goOn } = scriptHalves()
    const response = await ask(path, { body: bodies[path] })
    const first = withoutComments(await readUntil(response, words[1] ?? ''))
    goOn()
    const rest = withoutComments(await (await resume(streamOf(response), lastId(first))).text())
    const whole = withoutComments(await (await resume(streamOf(response), undefined)).text())
    expect(first + rest).toBe(whole)
    expect(idsIn(whole)).toEqual(idsIn(whole).map((_, at) => at))
    for (const word of words) expect(whole.split(word.trim())).not.toHaveLength(1)
  })

  test('an answer that breaks off says so in its own dialect, also to those who come later', async () => {
    const { goOn } = scriptHalves({ ending: ['data: {"error":{"message":"no","code":500}}\n\n'] })
    const body = { ...bodies[path], tributary: { continue: false } }
    const response = await ask(path, { body })
    goOn()
    const whole = withoutComments(await response.text())
    expect(whole).toMatch(/"error"|response\.failed/)
    expect(whole).not.toMatch(/message_stop|response\.completed|"finish_reason":"stop"/)
    expect(withoutComments(await (await resume(streamOf(response), undefined)).text())).toBe(whole)
  })
})

test('an early failure is a status, as without the header', async () => {
  emulator.script({ status: 400, body: '{"error":{"message":"no"}}' })
  const response = await ask('/v1/chat/completions')
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ error: { message: expect.any(String) } })
})

test('a stream belongs to its key, and what is asked for must be an event', async () => {
  const { goOn } = scriptHalves()
  const response = await ask('/v1/chat/completions')
  goOn()
  await response.text()
  expect((await resume(streamOf(response), undefined, { key: keys[1] })).status).toBe(404)
  expect((await resume('/v1/streams/unknown', undefined)).status).toBe(404)
  const wrong = await resume(streamOf(response), 'abc')
  expect(wrong.status).toBe(400)
  expect(await wrong.json()).toMatchObject({ error: { param: 'Last-Event-ID' } })
})

test('without the header a client that leaves stops its upstream, and nothing is kept', async () => {
  scriptHalves()
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: headersOf(),
    body: JSON.stringify(bodies['/v1/chat/completions']),
  })
  expect(await readUntil(response, words[1] ?? '')).not.toContain('id: ')
  expect(response.headers.get('x-tributary-stream')).toBeNull()
  await until(() => emulator.openConnections() === 0, 5_000, 'the end of the upstream')
})

test('an answer that is sent whole has no stream', async () => {
  emulator.script({ body: [delta('Hello'), ...end] })
  const response = await ask('/v1/chat/completions', { body: { ...bodies['/v1/chat/completions'], stream: false } })
  expect(response.headers.get('x-tributary-stream')).toBeNull()
  expect(await response.json()).toMatchObject({ object: 'chat.completion' })
})

test('another replica goes on with a stream, while it runs and after its replica has stopped', async () => {
  const first = start()
  const { goOn } = scriptHalves()
  const response = await ask('/v1/chat/completions', { url: first.url })
  const read = withoutComments(await readUntil(response, words[1] ?? ''))
  const reading = resume(streamOf(response), lastId(read)).then((resumed) => resumed.text())
  goOn()
  expect(await reading).toContain('[DONE]')
  await first[Symbol.asyncDispose]()
  const whole = withoutComments(await (await resume(streamOf(response), undefined)).text())
  expect(whole).toBe(read + withoutComments(await reading))
})

test('a stop of the gateway is the last event of its streams', async () => {
  const first = start()
  scriptHalves()
  const response = await ask('/v1/chat/completions', { url: first.url })
  const read = await readUntil(response, words[1] ?? '')
  await first[Symbol.asyncDispose]()
  const rest = await (await resume(streamOf(response), lastId(read))).text()
  expect(rest).toContain('shutting_down')
  expect(rest).not.toContain('[DONE]')
})

test('ten at once do not mix', async () => {
  const whole = await Promise.all(
    Array.from({ length: 10 }, async (_, at) => {
      emulator.script({ body: [delta(`stream ${at} `), delta('goes on'), ...end].join('') })
      const response = await ask('/v1/chat/completions')
      const read = withoutComments(await response.text())
      expect(withoutComments(await (await resume(streamOf(response), undefined)).text())).toBe(read)
      return read
    }),
  )
  expect(new Set(whole.map((read) => /stream \d/.exec(read)?.[0])).size).toBe(10)
})

describe('the chat server', () => {
  const body = { session_id: 'a session/with a slash', content: 'Count.', model_config: { model_name: 'lab/gpt-test' } }
  const path = `/api/chat/stream/${encodeURIComponent(body.session_id)}`

  test('goes on with the newest stream of a session', async () => {
    expect((await resume(path, undefined)).status).toBe(404)
    const { goOn } = scriptHalves()
    const first = withoutComments(await readUntil(await ask('/api/chat/stream', { body }), words[1] ?? ''))
    goOn()
    const rest = withoutComments(await (await resume(path, lastId(first))).text())
    expect(rest).toContain('"done"')
    expect(first + rest).toBe(withoutComments(await (await resume(path, undefined)).text()))
    expect((await resume(path, undefined, { key: keys[1] })).status).toBe(404)
  })

  test('an abort stops it, and says so to those who come later', async () => {
    scriptHalves()
    await readUntil(await ask('/api/chat/stream', { body }), words[1] ?? '')
    const aborted = await ask('/api/chat/abort', { body: { session_id: body.session_id } })
    expect(await aborted.json()).toMatchObject({ aborted: true })
    await until(() => emulator.openConnections() === 0, 5_000, 'the end of the upstream')
    expect(await (await resume(path, undefined)).text()).toContain('cancelled')
  })
})
