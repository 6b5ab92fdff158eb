import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { emulateCohere } from '../../src/providers/cohere/emulator/index.ts'
import { emulateOpenai, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { errorIn, key, post, startApp, type TestApp } from './rig.ts'

// The cost of a request is linear in its size: the check stops at the first fault, and counts are limited before.

let emulator: OpenaiEmulator
let cohere: Awaited<ReturnType<typeof emulateCohere>>
let app: TestApp
beforeAll(async () => {
  emulator = await emulateOpenai()
  cohere = await emulateCohere()
  app = startApp({
    API_MASTER_KEY: key,
    OPENAI_BASE_URL: emulator.url,
    OPENAI_MODELS: 'gpt-test',
    COHERE_TOKEN: 'a-cohere-token',
    COHERE_BASE_URL: cohere.origin,
  })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await emulator.close()
  await cohere.close()
})

const many = (count: number, item: string) => `${`${item},`.repeat(count - 1)}${item}`
const chat = (messages: string, more = '') => `{"model":"gpt-test","messages":[${messages}]${more}}`
const user = (content: string) => `{"role":"user","content":${content}}`
const answering = (calls: string) => `{"role":"assistant","content":null,"tool_calls":[${calls}]}`

/** A body, and the message about it. */
const costly: Readonly<Record<string, readonly [string, number, RegExp]>> = {
  '10,000,000 empty messages': [`{"messages":[${many(10_000_000, '{}')}]}`, 413, /more than 200000 values/],
  '60,000 empty messages': [chat(many(60_000, '{}')), 413, /more than 20000 messages/],
  '9,000 empty messages': [chat(many(9_000, '{}')), 400, /^messages\[0\]\.role: must be/],
  '60,000 parts': [
    chat(user(`[${many(60_000, '{}')}]`)),
    413,
    /messages\[0\]\.content: there are more than 20000 parts/,
  ],
  '5,000,000 parts': [chat(user(`[${many(5_000_000, '{}')}]`)), 413, /more than 200000 values/],
  '60,000 calls in a message': [chat(answering(many(60_000, '{}'))), 413, /tool_calls: there are more than 1024/],
  '60,000 tools': [chat(user('""'), `,"tools":[${many(60_000, '{}')}]`), 413, /tools: there are more than 4096/],
  '3,000,000 numbers to stop at': [
    chat(user('""'), `,"stop":[${many(3_000_000, '1')}]`),
    413,
    /more than 100000 items/,
  ],
  '1,000,000 members of one name': [
    chat(user('""'), `,"metadata":{${many(1_000_000, '"a":1')}}`),
    400,
    /more than 50000 members/,
  ],
  '1,000,000 members': [
    chat(user('""'), `,"metadata":{${Array.from({ length: 1_000_000 }, (_, at) => `"k${at}":1`).join(',')}}`),
    400,
    /more than 50000 members/,
  ],
  'a schema of 1,000,000 nodes': [
    chat(
      user('""'),
      `,"tools":[{"type":"function","function":{"name":"f","parameters":{"anyOf":[${many(500_000, '{"a":{}}')}]}}}]`,
    ),
    413,
    /more than 200000 values/,
  ],
  '10,000 levels': [chat(user('""'), `,"a":${'['.repeat(10_000)}${']'.repeat(10_000)}`), 400, /more than 64 levels/],
  '10,000,000 levels': [chat(user('""'), `,"a":${'{"a":'.repeat(5_000_000)}`), 400, /more than 64 levels/],
}

describe('a body of', () => {
  for (const [name, [body, status, says]] of Object.entries(costly))
    test(`${name} is ${status}, and its cost is bounded by its size`, async () => {
      Bun.gc(true)
      const before = process.memoryUsage.rss()
      const response = await post(app.url, body)
      const text = await response.text()
      expect(response.status).toBe(status)
      expect(errorIn(text).message).toMatch(says)
      // the bytes that the test writes and reads, and the copies in the runtime
      expect((process.memoryUsage.rss() - before) / 1e6).toBeLessThan(60 + (8 * body.length) / 1e6)
    }, 30_000)

  test('a request to the chat server is refused as early', async () => {
    const ask = async (path: string, body: string) => {
      const response = await fetch(`${app.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body,
      })
      return [response.status, errorIn(await response.text()).message]
    }
    const direct = (messages: string) => `{"session_id":"s","messages":[${messages}]}`
    expect(await ask('/api/chat/stream/direct', direct(many(60_000, '{}')))).toEqual([
      413,
      'messages: there are more than 20000 messages.',
    ])
    expect(await ask('/api/chat/stream/direct', direct(many(9_000, '{}')))).toEqual([
      400,
      expect.stringContaining('messages[0].role'),
    ])
    for (const path of ['/api/chat/stream', '/api/chat/stream/direct', '/api/chat/abort'])
      expect(await ask(path, `{"a":[${many(5_000_000, '{}')}]}`)).toEqual([
        413,
        'The body has more than 200000 values.',
      ])
  }, 30_000)
})

describe('a good body', () => {
  test('of 20 MB arrives unchanged, with its picture, its letters and its escapes', async () => {
    const picture = `data:image/png;base64,${'iVBORw0KGgo'.repeat(1_000_000)}`
    const messages = [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: picture } }] },
      { role: 'assistant', content: 'Всё "так"\n\u0001😀'.repeat(200_000) },
      { role: 'user', content: 'ok' },
    ]
    const response = await post(app.url, JSON.stringify({ model: 'gpt-test', messages }))
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('You said: ok')
    expect(JSON.stringify(emulator.chats.at(-1)?.messages)).toBe(JSON.stringify(messages))
  }, 30_000)

  test('of 10,000 messages is answered', async () => {
    const response = await post(app.url, chat(many(10_000, user('"Hello"'))))
    expect(response.status).toBe(200)
  }, 30_000)

  for (const size of [0, 2_000_000])
    test(`large whole numbers keep all their digits, next to ${size} bytes`, async () => {
      const sent = '"seed":12345678901234567890,"own":{"id":-9223372036854775808}'
      const parameters = '{"type":"object","properties":{"a":{"type":"integer","maximum":9223372036854775807}}}'
      const tools = `"tools":[{"type":"function","function":{"name":"f","parameters":${parameters}}}]`
      const body = chat(user(JSON.stringify('x'.repeat(size))), `,${sent},${tools}`)
      expect((await post(app.url, body)).status).toBe(200)
      const arrived = emulator.requests.at(-1)?.body ?? ''
      for (const digits of [
        '"seed":12345678901234567890',
        '"id":-9223372036854775808',
        '"maximum":9223372036854775807',
      ])
        expect(arrived).toContain(digits)
    }, 30_000)
})

describe('an unusual value', () => {
  const odd: Readonly<Record<string, unknown>> = {
    temperature: '0.7',
    logprobs: 1,
    seed: -1.5,
    n: 0,
    stop: '',
    max_tokens: 0,
    response_format: { type: 'json_schema', schema: { type: 'object' } },
    tool_choice: 'some',
    metadata: [1],
    logit_bias: 'none',
    functions: 'f',
  }
  const ask = (model: string, more: object) =>
    post(app.url, JSON.stringify({ model, messages: [{ role: 'user', content: 'a' }], ...more }))

  for (const [name, value] of Object.entries(odd))
    test(`${name}: ${JSON.stringify(value)} reaches a compatible upstream unchanged`, async () => {
      const before = emulator.requests.length
      await ask('gpt-test', { [name]: value })
      expect(JSON.parse(emulator.requests[before]?.body ?? '{}')[name]).toEqual(value)
    })

  test('is refused by name if another upstream does not support it', async () => {
    const cohereModel = 'cohere/command-test'
    expect((await ask(cohereModel, { temperature: '0.7', stop: '', max_tokens: -1, metadata: 5 })).status).toBe(200)
    const { temperature, stop_sequences, max_tokens } = JSON.parse(JSON.stringify(cohere.chats.at(-1)))
    expect([temperature, stop_sequences, max_tokens]).toEqual([0.7, undefined, undefined])
    const refused = await ask(cohereModel, { seed: 1.5 })
    expect([refused.status, errorIn(await refused.text())]).toMatchObject([
      400,
      { param: 'seed', message: 'seed: must be a whole number.' },
    ])
  })

  test('an empty list of tools is not sent', async () => {
    await ask('gpt-test', {
      tools: [],
      tool_choice: 'auto',
      parallel_tool_calls: true,
      functions: [],
      function_call: 'auto',
    })
    const sent = JSON.parse(emulator.requests.at(-1)?.body ?? '{}')
    expect(Object.keys(sent).toSorted()).toEqual(['messages', 'model'])
  })
})
