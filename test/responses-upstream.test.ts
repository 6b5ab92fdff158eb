/** An upstream with OpenAI's Responses API, asked by the official clients of all three dialects. */
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import { messageItem } from '../src/providers/openai-compatible/emulator/responses-answer.ts'
import { encryptedFor } from '../src/providers/openai-compatible/emulator/responses-body.ts'
import { responseStream } from '../src/providers/openai-compatible/emulator/responses-stream.ts'
import { startGateway } from './chaos/gateway.ts'

const emulator = await emulateOpenai({ models: ['gpt-test', 'gpt-new'], responsesModels: ['gpt-new'] })
const gateway = startGateway({
  UPSTREAM_LAB_URL: emulator.url,
  UPSTREAM_LAB_API: 'responses',
  UPSTREAM_CHAT_URL: emulator.url,
  UPSTREAM_BOTH_URL: emulator.url,
  UPSTREAM_BOTH_API: 'chat,responses',
  UPSTREAM_BOTH_RESPONSES_MODELS: 'gpt-5*-pro',
})
const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 0 })
const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: 'unused', maxRetries: 0 })
const direct = new OpenAI({ baseURL: emulator.url, apiKey: 'unused', maxRetries: 0 })
let seen = 0
afterEach(() => {
  seen = emulator.chats.length
})
afterAll(async () => {
  await gateway.close()
  await emulator.close()
})

/** The bodies that the upstream got in this test. */
const bodies = () => emulator.chats.slice(seen)
const model = 'lab/gpt-test'
const schema = { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] }
const names = ['weather', 'time']
const question = 'call weather time'

const ours = { include: ['reasoning.encrypted_content'], store: false, stream: true }
const called = names.map((name, at) => ({
  type: 'function_call',
  call_id: `call_1_${at + 1}`,
  name,
  arguments: '{"city":"Paris"}',
}))
const outputs = called.map(({ call_id, name }) => ({
  type: 'function_call_output',
  call_id,
  output: `${name} is fine`,
}))

describe('tools over two turns, and the answer to their results', () => {
  test('Chat Completions, streamed', async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: question }]
    const tools = names.map((name) => ({ type: 'function' as const, function: { name, parameters: schema } }))
    const first = await openai.chat.completions.stream({ model, messages, tools }).finalMessage()
    expect(first.tool_calls).toMatchObject(called.map(({ call_id: id, name }) => ({ id, function: { name } })))
    messages.push(first)
    for (const { call_id, output } of outputs) messages.push({ role: 'tool', tool_call_id: call_id, content: output })
    const { choices, usage } = await openai.chat.completions.create({ model, messages, tools })
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'You said: time is fine' } })
    expect(usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 2 } })
    expect(bodies()[1]?.input).toMatchObject([{ role: 'user' }, ...called, ...outputs])
    expect(bodies()[1]).toMatchObject({ ...ours, tools: [{ type: 'function', name: 'weather', strict: false }, {}] })
  })

  test('Messages, streamed', async () => {
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: question }]
    const body = { model, max_tokens: 99, tools: names.map((name) => ({ name, input_schema: schema })) }
    const { content, stop_reason } = await anthropic.messages.stream({ ...body, messages }).finalMessage()
    expect(stop_reason).toBe('tool_use')
    messages.push({ role: 'assistant', content })
    messages.push({
      role: 'user',
      content: outputs.map(({ call_id, output }) => ({ type: 'tool_result', tool_use_id: call_id, content: output })),
    })
    const second = await anthropic.messages.create({ ...body, messages })
    expect(second.content).toMatchObject([{ type: 'text', text: 'You said: time is fine' }])
    expect(bodies()[1]?.input).toMatchObject([{ role: 'user' }, ...called, ...outputs])
  })

  test('Responses, streamed, with a custom tool of its own and one that the service runs', async () => {
    const tools: OpenAI.Responses.Tool[] = [
      { type: 'function', name: 'weather', parameters: schema, strict: true },
      { type: 'custom', name: 'time', format: { type: 'text' } },
      { type: 'web_search' },
    ]
    const body = { model, tools, instructions: 'Be brief.', prompt_cache_key: 'k' }
    const first = await openai.responses.stream({ ...body, input: question }).finalResponse()
    const [weather, time] = first.output
    expect(weather).toMatchObject({ type: 'function_call', name: 'weather', arguments: '{"city":"Paris"}' })
    expect(time).toMatchObject({ type: 'custom_tool_call', name: 'time', input: 'Paris "é" 🦜' })
    const second = await openai.responses.create({
      ...body,
      previous_response_id: first.id,
      input: [
        { type: 'function_call_output', call_id: 'call_1_1', output: 'fine' },
        { type: 'custom_tool_call_output', call_id: 'call_1_2', output: 'late' },
      ],
    })
    expect(second.output_text).toBe('You said: late')
    // the client's own members, as they came
    const own = { ...ours, stream: false, tools, instructions: 'Be brief.', prompt_cache_key: 'k' }
    expect(bodies()[1]).toMatchObject(own)
    expect(bodies()[1]).not.toHaveProperty('previous_response_id')
    expect(bodies()[1]?.input).toMatchObject([
      { role: 'user', content: question },
      { type: 'function_call', call_id: 'call_1_1' },
      { type: 'custom_tool_call', call_id: 'call_1_2', input: 'Paris "é" 🦜' },
      { type: 'function_call_output' },
      { type: 'custom_tool_call_output' },
    ])
  })
})

test('the official stream reader takes the emulated answers as they are', async () => {
  const body = { model: 'gpt-test', store: false, reasoning: { effort: 'low', summary: 'auto' } } as const
  const answer = await direct.responses.stream({ ...body, input: 'hello' }).finalResponse()
  expect(answer.output).toMatchObject([{ type: 'reasoning' }, { type: 'message' }])
  expect(answer.output_text).toBe('You said: hello')
})

test('the parameters of Chat Completions become those of Responses, and the receipt names the rest', async () => {
  const { response } = await openai.chat.completions
    .create({
      model,
      messages: [{ role: 'user', content: 'hello' }],
      max_completion_tokens: 5,
      reasoning_effort: 'low',
      response_format: { type: 'json_schema', json_schema: { name: 'said', schema, strict: true } },
      stop: 'x',
      seed: 1,
      verbosity: 'low',
      prompt_cache_key: 'k',
      logit_bias: { '1': 1 },
    })
    .withResponse()
  expect(bodies()[0]).toMatchObject({
    max_output_tokens: 16,
    reasoning: { effort: 'low', summary: 'auto' },
    text: { format: { type: 'json_schema', name: 'said', schema, strict: true }, verbosity: 'low' },
    prompt_cache_key: 'k',
  })
  const parameters = response.headers.get('x-tributary-parameters')
  for (const part of ['max_completion_tokens=mapped', 'stop=dropped', 'seed=dropped', 'logit_bias=dropped'])
    expect(parameters).toContain(part)
  expect(parameters).toContain('verbosity=honoured')
})

test('several choices are several requests', async () => {
  const messages = [{ role: 'user' as const, content: 'hello' }]
  const { choices } = await openai.chat.completions.create({ model, messages, n: 2 })
  expect(choices.map(({ message }) => message.content)).toEqual(['You said: hello', 'You said: hello'])
  expect(bodies()).toHaveLength(2)
})

describe('reasoning goes back to the upstream as it came', () => {
  test('in the rounds of the tool loop', async () => {
    const body = { messages: [{ role: 'user', content: 'call builtin__current_time' }], reasoning_effort: 'low' }
    const answer = await openai.post('/chat/completions', { body: { model: `${model}:tools`, ...body } })
    expect(answer).toMatchObject({ choices: [{ finish_reason: 'stop' }] })
    expect(bodies()[1]?.input).toMatchObject([
      { role: 'user' },
      { type: 'reasoning', id: 'rs_1', encrypted_content: encryptedFor('rs_1'), summary: [{ text: 'Let me think.' }] },
      { type: 'function_call', call_id: 'call_1_1' },
      { type: 'function_call_output' },
    ])
  })
})

describe('a client of the Responses API', () => {
  const body = { model, reasoning: { effort: 'low' } } as const

  /** The SDK's types for items differ in the two directions. */
  const respond = (more: object) => openai.post<OpenAI.Responses.Response>('/responses', { body: { ...body, ...more } })
  const asked = [{ role: 'user', content: 'hello' }]
  const again = { role: 'user', content: 'again' }
  const returned = [
    { role: 'user' },
    { type: 'reasoning', id: 'rs_1', encrypted_content: encryptedFor('rs_1') },
    { type: 'message', role: 'assistant' },
    again,
  ]

  test('names the response before, and the upstream gets its own reasoning', async () => {
    const { id } = await respond({ input: asked })
    await respond({ previous_response_id: id, input: [again] })
    expect(bodies()[1]?.input).toMatchObject(returned)
  })

  test('brings sealed reasoning back, and the upstream gets its own', async () => {
    const own = { store: false, include: ['reasoning.encrypted_content'] }
    const { output } = await respond({ ...own, input: asked })
    expect(JSON.stringify(output)).not.toContain(encryptedFor('rs_1'))
    await respond({ ...own, input: [...asked, ...output, again] })
    expect(bodies()[1]?.input).toMatchObject(returned)
  })

  test('gets the rounds of the tool loop after its own items', async () => {
    const tools: OpenAI.Responses.Tool[] = [{ type: 'web_search' }]
    const answer = await openai.responses.create({
      ...body,
      model: `${model}:tools`,
      tools,
      input: 'call builtin__current_time',
    })
    expect(answer.output_text).toContain('You said')
    const [first, second] = bodies()
    expect(first?.tools).toMatchObject([{ type: 'web_search' }, { type: 'function' }])
    expect(second?.input).toMatchObject([
      { role: 'user' },
      { type: 'reasoning', id: 'rs_1' },
      { type: 'function_call', name: 'builtin__current_time' },
      { type: 'function_call_output' },
    ])
  })
})

describe('the API', () => {
  const messages = [{ role: 'user' as const, content: 'hello' }]
  const ask = (name: string) => openai.chat.completions.create({ model: name, messages })
  const isResponses = () => bodies().map((body) => 'input' in body)

  test('is learned from a refusal, and then asked at once', async () => {
    for (const _ of [1, 2]) expect((await ask('chat/gpt-new')).choices[0]?.message.content).toBe('You said: hello')
    expect(isResponses()).toEqual([false, true, true])
  })

  test('is chosen by the model', async () => {
    await ask('both/gpt-5-pro').catch(() => undefined)
    await ask('both/gpt-test')
    expect(isResponses()).toEqual([true, false])
  })

  test('is the client’s own, if the upstream has both', async () => {
    await openai.responses.create({ model: 'both/gpt-test', input: 'hello', tools: [{ type: 'web_search' }] })
    expect(isResponses()).toEqual([true])
  })
})

describe('what the service runs itself', () => {
  test('may be forced, but before an upstream that runs nothing itself it is refused', async () => {
    const body = { input: 'hello', tools: [{ type: 'web_search' as const }], tool_choice: { type: 'web_search' } }
    const ask = (name: string) => openai.post('/responses', { body: { ...body, model: name } })
    await ask(model)
    expect(bodies()[0]).toMatchObject({ tools: body.tools, tool_choice: body.tool_choice })
    const refused = await ask('chat/gpt-test').catch((thrown) => thrown)
    expect(refused).toMatchObject({ status: 400, param: 'tool_choice' })
  })

  const search = {
    id: 'ws_1',
    type: 'web_search_call',
    status: 'completed',
    action: { type: 'search', query: 'time', sources: [] },
  }
  const annotation = { type: 'url_citation', url: 'https://example.com/', title: 'Time', start_index: 0, end_index: 2 }
  const said = messageItem('msg_1', [
    { type: 'output_text', text: 'It is late.', annotations: [annotation], logprobs: [] },
  ])

  const comment = {
    ...messageItem('msg_0', [{ type: 'output_text', text: 'I look.', annotations: [] }]),
    phase: 'commentary',
  }

  for (const stream of [false, true])
    test(`reaches a client of the Responses API ${stream ? 'as a stream' : 'whole'}, and comes back`, async () => {
      emulator.script({ body: responseStream('gpt-test', [comment, search, { ...said, phase: 'final_answer' }]) })
      const body = { model, input: 'time?', tools: [{ type: 'web_search' as const }] }
      const first = await (stream ? openai.responses.stream(body).finalResponse() : openai.responses.create(body))
      const content = [{ type: 'output_text', text: 'It is late.', annotations: [annotation], logprobs: [] }]
      expect<unknown>(first.output).toMatchObject([
        { type: 'message', phase: 'commentary' },
        search,
        { type: 'message', phase: 'final_answer', content },
      ])
      await openai.responses.create({ ...body, previous_response_id: first.id, input: 'and now?' })
      expect(bodies()[1]?.input).toMatchObject([
        { role: 'user' },
        { type: 'message', phase: 'commentary' },
        search,
        { type: 'message', phase: 'final_answer', content },
        { role: 'user' },
      ])
    })

  test('cites its sources to a client of Chat Completions', async () => {
    emulator.script({ body: responseStream('gpt-test', [search, said]) })
    const { choices } = await openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'time?' }] })
    expect(choices[0]?.message).toMatchObject({
      content: 'It is late.',
      annotations: [
        { type: 'url_citation', url_citation: { url: 'https://example.com/', start_index: 0, end_index: 2 } },
      ],
    })
  })
})

test('a failed response is an error with its reason', async () => {
  const error = { code: 'context_length_exceeded', message: 'Your input exceeds the context window of this model.' }
  emulator.script({ body: responseStream('gpt-test', [], { status: 'failed', error }) })
  const asked = openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'hello' }] })
  expect(await asked.catch((thrown) => thrown)).toMatchObject({ status: 400, code: 'context_length_exceeded' })
})

describe('a member that a model refuses', () => {
  const refusal = (message: string, param: string) => ({
    status: 400,
    headers: { 'content-type': 'application/json' },
    body: [JSON.stringify({ error: { message, type: 'invalid_request_error', param, code: 'unsupported_parameter' } })],
  })

  test('is left out, and not sent again', async () => {
    emulator.script(
      refusal("Unsupported parameter: 'temperature' is not supported with this model.", 'temperature'),
      refusal('Your organization must be verified to generate reasoning summaries.', 'reasoning.summary'),
      refusal('Encrypted content is not supported with this model.', 'include'),
    )
    const body = { model, messages: [{ role: 'user' as const, content: 'hello' }], temperature: 1 }
    const ask = () => openai.chat.completions.create({ ...body, reasoning_effort: 'low' })
    await ask()
    await ask()
    expect(bodies()).toHaveLength(5)
    for (const sent of bodies().slice(3)) {
      expect(sent).not.toHaveProperty('temperature')
      expect(sent).not.toHaveProperty('include')
      expect(sent.reasoning).toEqual({ effort: 'low' })
    }
  })

  test('is the client’s to correct, if it has this dialect', async () => {
    emulator.script(refusal("Unsupported parameter: 'temperature' is not supported with this model.", 'temperature'))
    const asked = openai.responses.create({ model, input: 'hello', temperature: 1 })
    expect(await asked.catch((thrown) => thrown)).toMatchObject({ status: 400, param: 'temperature' })
  })
})
