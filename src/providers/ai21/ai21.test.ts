import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { anybody } from '../../chat/caller.ts'
import { asChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { noThread } from '../../chat/thread.ts'
import { type EmulatedService, frame } from '../../clients/openai-chat/emulator/service.ts'
import { Environment } from '../../config/environment.ts'
import { decodeRequest } from '../../dialects/openai-chat/decode-request.ts'
import { Attempts } from '../../flow/attempts.ts'
import { newReceipt } from '../../flow/call.ts'
import { events as eventsOf } from '../../flow/flow.ts'
import { choices } from '../../gateway/layers/choices.ts'
import { support } from '../../gateway/layers/support.ts'
import { openLog } from '../../telemetry/log.ts'
import type { Script } from '../../wire/emulator/script.ts'
import { machine, newCancel } from '../../wire/machine.double.ts'
import { sseData } from '../../wire/sse.ts'
import { emulateAi21 } from './emulator/index.ts'
import { provider } from './index.ts'

const never = newCancel()
const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
const json = { 'content-type': 'application/json' }
const key = 'key-of-the-tests'

let ai21: EmulatedService
beforeAll(async () => {
  ai21 = await emulateAi21({ keys: [key] })
})
afterAll(() => ai21.close())

/** Sends the body of a client of OpenAI's dialect, and returns what the client gets. */
async function ask(body: object, token = key) {
  const [upstream] = provider.configure(new Environment({ AI21_TOKEN: token, AI21_BASE_URL: ai21.origin }))
  const [account] = upstream?.accounts ?? []
  if (!upstream || !account) throw new Error('the test is misconfigured')
  const receipt = newReceipt()
  const chat = support(
    'ai21',
    upstream.support,
  )(choices(upstream.support)((request, call) => upstream.chat(request, { ...call, account, thread: noThread })))
  const { request } = decodeRequest({ model: 'jamba-mini', messages: [hello], ...body })
  const events: ChatEvent[] = []
  for await (const event of eventsOf(
    chat(request, {
      id: 'one',
      caller: anybody,
      hops: 0,
      signal: never,
      log,
      attempts: new Attempts(),
      receipt,
    }),
  ))
    events.push(event)
  return { events, sent: ai21.chats.at(-1) ?? {}, parameters: Object.fromEntries(receipt.parameters) }
}

const hello = { role: 'user', content: 'Hello there' }
const bare = { model: 'jamba-mini', messages: [hello] }
const textOf = (events: readonly ChatEvent[], choice = 0) =>
  events.map((event) => (event.type === 'text' && event.choice === choice ? event.text : '')).join('')

/** The error that a client gets. */
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => ({ code: 'none' }),
    (thrown) => {
      const { message, reason, code, param, retryAfterMs, meaning } = asChatError(thrown)
      return { message, reason, code, param, retryAfterMs, status: meaning.status }
    },
  )

test('several tokens are several accounts, with the documented models or those in AI21_MODELS', () => {
  const [upstream] = provider.configure(new Environment({ AI21_TOKEN_1: 'a', AI21_TOKEN_2: 'b' }))
  expect(upstream?.accounts.map(({ label }) => label)).toEqual(['AI21_TOKEN_1', 'AI21_TOKEN_2'])
  expect(upstream?.models?.map(({ id }) => id)).toEqual(['jamba-mini', 'jamba-large'])
  const [named] = provider.configure(new Environment({ AI21_TOKEN: 'a', AI21_MODELS: 'jamba-mini-1.7' }))
  expect(named?.models?.map(({ id }) => id)).toEqual(['jamba-mini-1.7'])
  expect(provider.configure(new Environment({}))).toEqual([])
})

describe('a request', () => {
  const tool = { type: 'function', function: { name: 'weather', description: 'It.', parameters: { type: 'object' } } }
  const parameters: readonly (readonly [object, object])[] = [
    [{ temperature: 0.5 }, { temperature: 0.5 }],
    [{ top_p: 0.5 }, { top_p: 0.5 }],
    [{ max_tokens: 5 }, { max_tokens: 5 }],
    [{ max_completion_tokens: 5 }, { max_tokens: 5 }],
    [{ max_tokens: 32_000 }, { max_tokens: 4096 }],
    [{ stop: 'a' }, { stop: ['a'] }],
    [{ tools: [tool] }, { tools: [tool] }],
    [
      { tools: [tool], tool_choice: 'required' },
      { tools: [tool], tool_choice: 'required' },
    ],
    [{ response_format: { type: 'json_object' } }, { response_format: { type: 'json_object' } }],
    [{ documents: [{ content: 'a', metadata: [] }] }, { documents: [{ content: 'a', metadata: [] }] }],
  ]
  for (const [body, wire] of parameters)
    test(`${JSON.stringify(body)} is sent under AI21’s name`, async () => {
      expect((await ask(body)).sent).toEqual({ ...bare, ...wire })
    })

  test('other fields are not sent, and the receipt names them', async () => {
    const foreign = {
      seed: 1,
      user: 'me',
      logprobs: true,
      logit_bias: { 1: 1 },
      presence_penalty: 1,
      safe_prompt: true,
    }
    const { sent, parameters: receipt } = await ask({ ...foreign, max_tokens: 9 })
    expect(sent).toEqual({ ...bare, max_tokens: 9 })
    expect(receipt).toEqual({
      ...Object.fromEntries(Object.keys(foreign).map((name) => [name, 'dropped'])),
      max_tokens: 'mapped',
    })
  })

  test('content with any parts is sent as one string', async () => {
    const { sent } = await ask({
      stream: true,
      messages: [
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'Be ' },
            { type: 'text', text: 'kind.' },
          ],
        },
        { role: 'user', content: [], name: 'ann' },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }], reasoning_content: 'Hm.', name: 'bot' },
        { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ id: 'D681PevKs', type: 'function', function: { name: 'weather', arguments: '{}' } }],
        },
        { role: 'tool', name: 'weather', tool_call_id: 'D681PevKs', content: [{ type: 'text', text: 'Sunny.' }] },
      ],
    })
    const call = { id: 'D681PevKs', type: 'function', function: { name: 'weather', arguments: '{}' } }
    expect(sent).toEqual({
      model: 'jamba-mini',
      stream: true,
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: '' },
        { role: 'assistant', content: 'No.' },
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'D681PevKs', content: 'Sunny.' },
      ],
    })
  })

  test('an image and a schema are refused before AI21 is asked', async () => {
    const before = ai21.requests.length
    const picture = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }]
    expect(await errorOf(ask({ messages: [{ role: 'user', content: picture }] }))).toMatchObject({
      reason: 'unsupported',
      param: 'messages[0].content[0]',
    })
    const format = { type: 'json_schema', json_schema: { name: 'a', schema: {} } }
    expect(await errorOf(ask({ response_format: format }))).toMatchObject({
      reason: 'unsupported',
      param: 'response_format',
    })
    expect(ai21.requests.length).toBe(before)
  })

  for (const stream of [true, false])
    test(`several answers are requested separately, ${stream ? 'SSE' : 'JSON'}`, async () => {
      const before = ai21.chats.length
      const { events, sent, parameters: receipt } = await ask({ n: 3, stream })
      expect([0, 1, 2].map((choice) => textOf(events, choice))).toEqual(Array(3).fill('You said: Hello there'))
      expect(ai21.chats.length - before).toBe(3)
      expect(sent.n).toBeUndefined()
      expect(receipt).toEqual({ n: 'emulated' })
    })
})

describe('a reply', () => {
  const folder = join(import.meta.dir, 'fixtures')
  const withoutNative = (event: ChatEvent) => {
    const { native: _, ...others } = event
    if (others.type !== 'usage') return others
    const { native: _native, ...usage } = others.usage
    return { ...others, usage }
  }
  for (const file of readdirSync(folder).filter((each) => each.endsWith('.events.json')))
    test(`reads ${file}`, async () => {
      const [name = ''] = file.split('.')
      const stream = name !== 'whole'
      const body = readFileSync(join(folder, stream ? `${name}.frames.txt` : `${name}.json`), 'utf8').trimEnd()
      ai21.script(stream ? { body: body.split('\n').map(sseData) } : { headers: json, body: [body] })
      const expected: ChatEvent[] = JSON.parse(readFileSync(join(folder, file), 'utf8'))
      expect((await ask({ stream })).events.map(withoutNative)).toEqual(expected)
    })

  const tools = ['weather', 'time'].map((name) => ({ type: 'function', function: { name, parameters: {} } }))
  for (const stream of [true, false]) {
    test(`gives text with its usage, ${stream ? 'SSE' : 'JSON'}`, async () => {
      const { events } = await ask({ stream })
      expect(textOf(events)).toBe('You said: Hello there')
      const last = events.slice(-2)
      expect(last).toMatchObject([
        { type: 'finish', reason: 'stop' },
        { type: 'usage', usage: { inputTokens: 7, outputTokens: 4, totalTokens: 11, source: 'upstream' } },
      ])
    })
    test(`gives tool calls, ${stream ? 'SSE' : 'JSON'}`, async () => {
      const { events } = await ask({ stream, tools, messages: [{ role: 'user', content: 'call weather time' }] })
      const calls = events.filter(({ type }) => type.startsWith('tool'))
      expect(calls).toMatchObject([
        { type: 'tool-call', part: 0, id: 'chatcmpl-tool-1', name: 'weather' },
        { type: 'tool-arguments', part: 0, json: '{"city":"Paris"}' },
        { type: 'tool-call', part: 1, id: 'chatcmpl-tool-2', name: 'time' },
        { type: 'tool-arguments', part: 1, json: '{"city":"Paris"}' },
      ])
      expect(events).toContainEqual(expect.objectContaining({ type: 'finish', reason: 'tool-calls' }))
    })
    test(`ends because of the token limit, ${stream ? 'SSE' : 'JSON'}`, async () => {
      const { events } = await ask({ stream, max_tokens: 2 })
      expect(events).toContainEqual(expect.objectContaining({ type: 'finish', reason: 'length' }))
    })
  }
})

describe('an error', () => {
  const failing = (status: number, detail: unknown, headers: object = {}): Script => ({
    status,
    headers: { ...json, ...headers },
    body: [JSON.stringify({ detail })],
  })
  const fault = { type: 'string_type', loc: ['body', 'messages', 0, 'content'], msg: 'Input should be a string' }
  const shapes: readonly (readonly [string, Script, object])[] = [
    ['400', failing(400, 'Bad.'), { status: 400, message: 'Bad.' }],
    ['401', failing(401, 'Forbidden: Bad or missing API token.'), { status: 502, code: 'upstream_auth' }],
    ['403', failing(403, 'Forbidden'), { status: 502, code: 'upstream_auth' }],
    ['404', failing(404, 'Model not found'), { status: 404, code: 'model_not_found', message: 'Model not found' }],
    ['408', failing(408, 'Slow.'), { status: 504, code: 'upstream_timeout' }],
    ['422 as a string', failing(422, 'n must be 1'), { status: 400, message: 'n must be 1' }],
    ['422 as a list', failing(422, [fault]), { status: 400, message: fault.msg, param: 'messages[0].content' }],
    ['424', failing(424, 'The model failed.'), { status: 502, code: 'upstream_error' }],
    ['429', failing(429, 'Slow down.', { 'retry-after': '7' }), { status: 429, retryAfterMs: 7_000 }],
    ['500', failing(500, 'Oops.'), { status: 502, code: 'upstream_error' }],
    ['503', failing(503, 'Later.'), { status: 503, code: 'upstream_overloaded' }],
    ['a detail in a stream', { body: [frame({ detail: 'It broke.' })] }, { status: 502, code: 'upstream_error' }],
  ]
  for (const [name, script, wanted] of shapes)
    test(name, async () => {
      ai21.script(script)
      expect(await errorOf(ask({ stream: true }))).toMatchObject(wanted)
    })

  test('a refused key and an unknown model cause the service’s own errors', async () => {
    expect(await errorOf(ask({}, 'a-refused-key'))).toMatchObject({ status: 502, code: 'upstream_auth' })
    expect(await errorOf(ask({ model: 'nothing' }))).toMatchObject({ status: 404, code: 'model_not_found' })
  })
})

describe('the emulator is as strict as the service', () => {
  const refused: readonly (readonly [string, object, string])[] = [
    ['parts', { messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] }, '"content"'],
    ['the role developer', { messages: [{ role: 'developer', content: 'x' }] }, '"role"'],
    ['several answers in a stream', { n: 2, stream: true }, '"detail":"n must'],
    ['a schema', { response_format: { type: 'json_schema' } }, '"response_format"'],
  ]
  for (const [what, body, word] of refused)
    test(`refuses ${what}`, async () => {
      const response = await fetch(`${ai21.origin}/studio/v1/chat/completions`, {
        method: 'POST',
        headers: { ...json, authorization: `Bearer ${key}` },
        body: JSON.stringify({ ...bare, ...body }),
      })
      expect(response.status).toBe(422)
      expect(await response.text()).toContain(word)
    })
  test('replies lack object, created and model', async () => {
    const { events } = await ask({})
    expect(Object.keys(events[0]?.native?.value ?? {})).toEqual(['id', 'choices', 'usage'])
  })
})
