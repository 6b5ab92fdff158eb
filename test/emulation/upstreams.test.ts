/** Tools and JSON formats on upstreams that have none, over real sockets, with the official clients. */
import { afterAll, beforeEach, expect, test } from 'bun:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { startGateway } from '../chaos/gateway.ts'
import { until } from '../waiting.ts'
import { callBlock, ending, markIn, piecesOf, writes } from './text-model.ts'

/** Makes the next answers of the server, of the body that it gets. */
const answers: ((body: object) => Script)[] = []
const server = await emulateOpenai({ models: ['text'], reply: (body) => answers.shift()?.(body) })
const lab = { UPSTREAM_LAB_URL: server.url, UPSTREAM_LAB_MODELS: 'text', UPSTREAM_LAB_TOOLS: 'none' }
const gateway = startGateway({ ...lab, UPSTREAM_NEW_URL: server.url, UPSTREAM_NEW_MODELS: 'text' })
const off = startGateway({ ...lab, EMULATE_TOOLS: 'none' })
const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 0 })
const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: 'unused', maxRetries: 0 })
beforeEach(() => answers.splice(0))
afterAll(() => Promise.all([gateway.close(), off.close(), server.close()]))

const model = 'lab/text'
const parameters = {
  type: 'object' as const,
  properties: { city: { type: 'string', description: 'Its name.' }, days: { type: 'integer' } },
  required: ['city'],
}
const weather = { type: 'function' as const, function: { name: 'weather', parameters } }
const question: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'How is it in Paris and Rome?' }]

/** Writes some words, and calls as the instructions ask for them. */
function calls(...all: readonly object[]): (body: object) => Script {
  return (body) => writes(`I look.\n\n${all.map((args) => callBlock(markIn(body), 'weather', args)).join('\n')}\n`)
}

function says(text: string): () => Script {
  return () => writes(text)
}

/** The bodies that the server has got since then. */
function sentSince(before: number) {
  return server.chats.slice(before).map((body) => JSON.parse(JSON.stringify(body)))
}

function ask(extra: object = {}, url = gateway.url) {
  const body = { model, messages: question, tools: [weather], ...extra }
  return fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) })
}

/** Asks, and returns the first choice. */
async function choiceOf(extra: object = {}): Promise<OpenAI.ChatCompletion.Choice | undefined> {
  const answer: OpenAI.ChatCompletion = JSON.parse(await (await ask(extra)).text())
  return answer.choices[0]
}

test('a client gets the calls that a model writes, and the model gets their results', async () => {
  const before = server.chats.length
  answers.push(calls({ city: 'Paris' }, { city: 'Rome', days: '2' }), says('Sunny.'))
  const { data, response } = await openai.chat.completions
    .create({ model, messages: question, tools: [weather] })
    .withResponse()
  const [choice] = data.choices
  expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { content: 'I look.' } })
  expect(choice?.message.tool_calls).toMatchObject([
    { type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } },
    { type: 'function', function: { name: 'weather', arguments: '{"city":"Rome","days":2}' } },
  ])
  expect(response.headers.get('x-tributary-parameters')).toBe('tools=emulated')
  expect(data.usage).toMatchObject({ prompt_tokens: 100, completion_tokens: 10 })
  const results = choice?.message.tool_calls?.map(({ id }, at) => ({
    role: 'tool' as const,
    tool_call_id: id,
    content: at === 0 ? '20 °C' : '25 °C',
  }))
  const messages = [...question, ...(choice ? [choice.message] : []), ...(results ?? [])]
  const second = await openai.chat.completions.create({ model, messages, tools: [weather] })
  expect(second.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Sunny.' } })
  const [first, last] = sentSince(before)
  expect(last.tools).toBeUndefined()
  // each turn begins with what was sent before
  expect(last.messages.slice(0, first.messages.length)).toEqual(first.messages)
  expect(last.messages.map(({ role }: { role: string }) => role)).toEqual(['system', 'user', 'assistant', 'user'])
  expect(last.messages[2].content).toContain(callBlock(markIn(last), 'weather', {}).split('\n')[0] ?? '-')
  expect(last.messages[3].content).toMatch(/20 °C[\s\S]*25 °C/)
})

test('words and the arguments of a call come while they are written', async () => {
  const seen = Promise.withResolvers<void>()
  const half = Promise.withResolvers<void>()
  answers.push((body) => ({
    body: (async function* () {
      yield* piecesOf('I look')
      await seen.promise
      yield* piecesOf(`.\n<${markIn(body)}>\n{"name": "weather", "arguments": {"city": "Par`)
      await half.promise
      yield* piecesOf('is"}}')
      yield* ending
    })(),
  }))
  const stream = await openai.chat.completions.create({ model, messages: question, tools: [weather], stream: true })
  let said = ''
  let written = ''
  for await (const { choices } of stream) {
    said += choices[0]?.delta.content ?? ''
    written += choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? ''
    if (said === 'I look') seen.resolve()
    if (written === '{"city":"Par') half.resolve()
  }
  expect({ said, written }).toEqual({ said: 'I look.', written: '{"city":"Paris"}' })
})

test('a client of Messages and one of Responses get calls too', async () => {
  answers.push(calls({ city: 'Paris' }), calls({ city: 'Rome' }))
  const tools = [{ name: 'weather', input_schema: parameters }]
  const messages = [{ role: 'user' as const, content: 'How is it?' }]
  const message = await anthropic.messages.create({ model, max_tokens: 99, messages, tools })
  expect(message).toMatchObject({
    stop_reason: 'tool_use',
    content: [
      { type: 'text', text: 'I look.' },
      { type: 'tool_use', name: 'weather', input: { city: 'Paris' } },
    ],
  })
  const { output } = await openai.responses.create({
    model,
    input: 'How is it?',
    tools: [{ type: 'function', name: 'weather', parameters, strict: false }],
  })
  expect(output.at(-1)).toMatchObject({ type: 'function_call', name: 'weather', arguments: '{"city":"Rome"}' })
})

test('a call that cannot be used is asked for once more, and both answers are counted', async () => {
  const before = server.chats.length
  answers.push(calls({ days: 2 }), calls({ city: 'Rome' }))
  const response = await ask()
  expect(response.headers.get('x-tributary-attempts')).toBe('2')
  expect(await response.json()).toMatchObject({
    choices: [
      { finish_reason: 'tool_calls', message: { tool_calls: [{ function: { arguments: '{"city":"Rome"}' } }] } },
    ],
    usage: { prompt_tokens: 200, completion_tokens: 20, total_tokens: 220 },
  })
  expect(sentSince(before)[1].messages.at(-1).content).toContain('city is missing.')
})

test('a model that must call a tool, and does not, is asked once more', async () => {
  answers.push(says('It is sunny.'), calls({ city: 'Rome' }), says('It is sunny.'), says('It is sunny.'))
  const called = await ask({ tool_choice: 'required' })
  expect(await called.json()).toMatchObject({
    choices: [{ finish_reason: 'tool_calls', message: { content: 'I look.' } }],
  })
  const refused = await ask({ tool_choice: { type: 'function', function: { name: 'weather' } } })
  expect({ status: refused.status, body: await refused.json() }).toMatchObject({
    status: 502,
    body: { error: { code: 'tool_call_missing' } },
  })
})

test('only one call comes if the client wants one at a time, and none if it wants none', async () => {
  const before = server.chats.length
  answers.push(calls({ city: 'Paris' }, { city: 'Rome' }), calls({ city: 'Paris' }))
  expect((await choiceOf({ parallel_tool_calls: false }))?.message.tool_calls).toHaveLength(1)
  expect((await choiceOf({ tool_choice: 'none' }))?.finish_reason).toBe('stop')
  expect(sentSince(before)[1].messages.at(-1).content).toContain('Call no tool now.')
})

test('the list of models says what is emulated', async () => {
  const listed = await (await fetch(`${gateway.url}/v1/models/${model}`)).json()
  expect(listed).toMatchObject({
    parameters: { tools: 'emulated', response_format: 'emulated', temperature: 'honoured' },
  })
  const plain = JSON.stringify(await (await fetch(`${off.url}/v1/models/${model}`)).json())
  expect(plain).not.toContain('"tools"')
})

test('the chat server runs tools with such a model', async () => {
  answers.push((body) => writes(callBlock(markIn(body), 'builtin__current_time', {})), says('It is late.'))
  const response = await fetch(`${gateway.url}/api/chat/stream`, {
    method: 'POST',
    body: JSON.stringify({ session_id: 's', content: 'How late is it?', model_config: { model_name: model } }),
  })
  const text = await response.text()
  expect(text).toContain('builtin__current_time')
  expect(text).toContain('late')
})

test('a client that leaves closes the connection to the upstream', async () => {
  const before = server.closedAt.length
  const leaving = new AbortController()
  answers.push((body) => ({ body: piecesOf(`Hello.\n<${markIn(body)}>\n{"name": "wea`), ending: 'stall' }))
  const body = JSON.stringify({ model, messages: question, tools: [weather], stream: true })
  const response = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body, signal: leaving.signal })
  await response.body?.getReader().read()
  leaving.abort()
  await until(() => server.closedAt.length > before, 1_000, 'the connection is closed')
})

test('ten requests at once each get their own calls', async () => {
  const cities = Array.from({ length: 10 }, (_, at) => `City ${at}`)
  for (const _ of cities)
    answers.push((body) =>
      writes(callBlock(markIn(body), 'weather', { city: /City \d/.exec(JSON.stringify(body))?.[0] })),
    )
  const found = await Promise.all(
    cities.map((city) => choiceOf({ messages: [{ role: 'user', content: `How is it in ${city}?` }] })),
  )
  expect(found.map((choice) => choice?.message.tool_calls)).toMatchObject(
    cities.map((city) => [{ function: { arguments: JSON.stringify({ city }) } }]),
  )
})

test('nothing is emulated if the client or the operator does not want it', async () => {
  const before = server.chats.length
  for (const response of [await ask({ tributary: { emulate: false } }), await ask({}, off.url)])
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 400,
      body: { error: { param: 'tools', code: 'unsupported_parameter' } },
    })
  const wrong = await ask({ tributary: { emulate: 'no' } })
  expect(await wrong.json()).toMatchObject({ error: { param: 'tributary.emulate' } })
  expect(server.chats).toHaveLength(before)
  const plain = await ask({ tools: undefined, tributary: { emulate: true }, model: 'new/text' })
  expect(plain.status).toBe(200)
  expect(sentSince(before)[0].tributary).toBeUndefined()
})

test('a model that refuses tools gets them emulated, at once and from then on', async () => {
  const before = server.chats.length
  const refusal = JSON.stringify({ error: { message: 'registry/text does not support tools', type: 'api_error' } })
  answers.push(() => ({ status: 400, headers: { 'content-type': 'application/json' }, body: [refusal] }))
  answers.push(calls({ city: 'Paris' }), calls({ city: 'Rome' }))
  for (const city of ['Paris', 'Rome'])
    expect(await (await ask({ model: 'new/text' })).json()).toMatchObject({
      choices: [{ message: { tool_calls: [{ function: { arguments: JSON.stringify({ city }) } }] } }],
    })
  expect(sentSince(before).map(({ tools }) => tools !== undefined)).toEqual([true, false, false])
})

test('a JSON format is asked for, repaired and checked', async () => {
  const schema = {
    type: 'object',
    properties: { cities: { type: 'array', items: { type: 'string' } } },
    required: ['cities'],
  }
  const format = { tools: undefined, response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } }
  answers.push(says("Here it is:\n```json\n{'cities': 'Paris',}\n```"), says('No.'), says('{"cities": ["Rome"]}'))
  answers.push(says('No.'), says('{"towns": []}'))
  expect((await choiceOf(format))?.message.content).toBe('{"cities":["Paris"]}')
  expect((await choiceOf(format))?.message.content).toBe('{"cities": ["Rome"]}')
  const failed = await ask(format)
  expect({ status: failed.status, body: await failed.json() }).toMatchObject({
    status: 502,
    body: { error: { code: 'invalid_json_answer', message: expect.stringContaining('cities is missing.') } },
  })
})

test('the gateway runs its own tools for such a model', async () => {
  const before = server.chats.length
  answers.push((body) => writes(callBlock(markIn(body), 'builtin__current_time', {})), says('It is late.'))
  const choice = await choiceOf({ model: `${model}:tools`, tools: undefined })
  expect(choice).toMatchObject({ finish_reason: 'stop', message: { content: 'It is late.' } })
  expect(sentSince(before)[1].messages.at(-1).content).toContain('<tool_result_')
})

test('the instructions are in the language of the conversation', async () => {
  const before = server.chats.length
  answers.push(calls({ city: '巴黎' }))
  const choice = await choiceOf({ messages: [{ role: 'user', content: '巴黎的天气怎么样？' }] })
  expect(choice?.message.tool_calls).toMatchObject([{ function: { arguments: '{"city":"巴黎"}' } }])
  expect(sentSince(before)[0].messages[0].content).toContain('你可以调用下面的工具')
})

test('a call that breaks off is no call', async () => {
  const piece = '{"name": "weather", "arguments": {"city": "Par'
  answers.push((body) => ({ body: piecesOf(`<${markIn(body)}>\n${piece}`), ending: 'rst', endDelayMs: 20 }))
  const text = await (await ask({ stream: true })).text()
  expect(text).toContain('upstream_disconnected')
  expect(text).not.toContain('"finish_reason":"tool_calls"')
})

test('a model that ends within a call has not called', async () => {
  const open = (body: object) => writes(`<${markIn(body)}>\n{"name": "weather", "arguments": {"city": "Par`)
  answers.push(open, open)
  const streamed = await (await ask({ stream: true })).text()
  expect(streamed).toContain('tool_call_broken')
})
