import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import Anthropic, { APIError } from '@anthropic-ai/sdk'
import { z } from 'zod'
import { emulateOpenai, frame, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { until } from '../waiting.ts'
import { build, type Running, start } from './program.ts'

// Anthropic's official SDK asks the executable, with an OpenAI-compatible upstream.

beforeAll(build, 120_000)

const key = 'sk-client-0123456789abcdef'
const model = 'openai/gpt-test'
const hello: Anthropic.MessageCreateParamsNonStreaming = {
  model,
  max_tokens: 100,
  messages: [{ role: 'user', content: 'Hello there' }],
}
const tools = ['weather', 'time'].map((name) => ({
  name,
  description: `The ${name}.`,
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } } },
}))

const search = { type: 'web_search_20250305' as const, name: 'web_search' as const, max_uses: 8 }

let openai: OpenaiEmulator
let gateway: Running
let client: Anthropic
beforeAll(async () => {
  openai = await emulateOpenai({ keys: ['sk-upstream'] })
  gateway = await start({ API_MASTER_KEY: key, OPENAI_BASE_URL: openai.url, OPENAI_API_KEY: 'sk-upstream' })
  client = new Anthropic({ baseURL: gateway.url, apiKey: key, maxRetries: 0 })
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await openai.close()
})

const lastChat = () => openai.chats.at(-1) ?? {}

describe('messages.create', () => {
  test('answers whole', async () => {
    const { data, response } = await client.messages.create(hello).withResponse()
    expect(data).toMatchObject({
      type: 'message',
      role: 'assistant',
      model,
      content: [{ type: 'text', text: 'You said: Hello there' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 7, output_tokens: 4 },
    })
    expect(response.headers.get('request-id')).toBe(data.id.replace('msg_', 'req_'))
  })

  test('takes the key as a bearer token too', async () => {
    const other = new Anthropic({ baseURL: gateway.url, authToken: key, apiKey: null, maxRetries: 0 })
    expect((await other.messages.create(hello)).stop_reason).toBe('end_turn')
  })

  test('streams', async () => {
    const stream = client.messages.stream(hello)
    const texts: string[] = []
    stream.on('text', (text) => texts.push(text))
    const message = await stream.finalMessage()
    expect(texts.length).toBeGreaterThan(1)
    expect(message).toMatchObject({
      content: [{ type: 'text', text: 'You said: Hello there' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 7, output_tokens: 4 },
    })
  })

  test('calls tools, streamed and whole, and takes their results with pictures and errors', async () => {
    const asked = { ...hello, messages: [{ role: 'user' as const, content: 'call weather time' }], tools }
    const streamed = await client.messages.stream(asked).finalMessage()
    const whole = await client.messages.create(asked)
    expect(streamed.content).toMatchObject(whole.content)
    expect(whole.content).toMatchObject([
      { type: 'tool_use', name: 'weather', input: { city: 'Paris' } },
      { type: 'tool_use', name: 'time', input: { city: 'Paris' } },
    ])
    expect([streamed.stop_reason, whole.stop_reason]).toEqual(['tool_use', 'tool_use'])
    const [weather, time] = whole.content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []))
    const image = { type: 'image' as const, source: { type: 'url' as const, url: 'https://example.com/a.png' } }
    const results: Anthropic.ToolResultBlockParam[] = [
      { type: 'tool_result', tool_use_id: weather ?? '', content: [{ type: 'text', text: 'sunny' }, image] },
      { type: 'tool_result', tool_use_id: time ?? '', content: 'no clock', is_error: true },
    ]
    await client.messages.create({
      ...asked,
      messages: [
        ...asked.messages,
        { role: 'assistant', content: whole.content },
        { role: 'user', content: [...results, { type: 'text', text: 'and now?' }] },
      ],
    })
    expect(lastChat().messages).toMatchObject([
      { role: 'user', content: 'call weather time' },
      { role: 'assistant', tool_calls: [{ id: weather }, { id: time }] },
      { role: 'tool', tool_call_id: weather, content: 'sunny' },
      { role: 'tool', tool_call_id: time, content: 'Error: no clock' },
      { role: 'user', content: [{ type: 'text' }, { type: 'image_url', image_url: { url: image.source.url } }] },
      { role: 'user', content: 'and now?' },
    ])
  })

  test('has tools with names that are too long for the upstream', async () => {
    const long = [1, 2].map(
      (number): Anthropic.Tool => ({ input_schema: { type: 'object' }, name: `mcp__${'server_'.repeat(12)}${number}` }),
    )
    await client.messages.create({ ...hello, tools: long })
    const asked = z.object({ tools: z.array(z.object({ function: z.object({ name: z.string() }) })) }).parse(lastChat())
    const [first = '', second = ''] = asked.tools.map(({ function: { name } }) => name)
    expect([first.length <= 64, second.length <= 64, first === second]).toEqual([true, true, false])
    const called = { index: 0, id: 'call_1', type: 'function', function: { name: second, arguments: '{}' } }
    const delta = { role: 'assistant', content: null, tool_calls: [called] }
    openai.script({
      body: [
        frame({ choices: [{ index: 0, delta, finish_reason: null }] }),
        frame({ choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }),
        'data: [DONE]\n\n',
      ],
    })
    const { content } = await client.messages.stream({ ...hello, tools: long }).finalMessage()
    expect(content).toMatchObject([{ type: 'tool_use', name: long[1]?.name }])
  })

  test('sends the system prompt, the parameters and the choice of a tool', async () => {
    await client.messages.create({
      ...hello,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      stop_sequences: ['END'],
      tools,
      tool_choice: { type: 'tool', name: 'time', disable_parallel_tool_use: true },
    })
    expect(lastChat()).toMatchObject({
      model: 'gpt-test',
      stop: ['END'],
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user' }],
      tool_choice: { type: 'function', function: { name: 'time' } },
      parallel_tool_calls: false,
    })
    expect(JSON.stringify(lastChat())).not.toContain('cache_control')
  })

  test('has an answer of 64,000 tokens without a stream', async () => {
    const words = ' tok'.repeat(64_000)
    openai.script({ body: [frame({ choices: [{ index: 0, delta: { content: words }, finish_reason: 'stop' }] })] })
    const body = JSON.stringify({ ...hello, max_tokens: 64_000 })
    const headers = { 'content-type': 'application/json', 'x-api-key': key }
    const response = await fetch(`${gateway.url}/v1/messages`, { method: 'POST', headers, body })
    expect(await response.json()).toMatchObject({ content: [{ type: 'text', text: words }], stop_reason: 'end_turn' })
    expect(lastChat()).toMatchObject({ max_completion_tokens: 64_000 })
  })

  test('offers tools with a type that the client runs itself as functions', async () => {
    await client.messages.create({ ...hello, tools: [{ type: 'bash_20250124', name: 'bash' }] })
    expect(lastChat()).toMatchObject({
      tools: [{ function: { name: 'bash', parameters: { properties: { command: { type: 'string' } } } } }],
    })
  })

  for (const offered of [[search], [search, ...tools]])
    test(`is refused by name if the model must search the web, with ${offered.length - 1} other tools`, async () => {
      const forced = { ...hello, tools: offered, tool_choice: { type: 'tool' as const, name: 'web_search' } }
      const thrown = await client.messages.create(forced).catch((error: unknown) => error)
      expect(thrown).toMatchObject({ status: 400, error: { error: { type: 'invalid_request_error' } } })
      expect(String(thrown)).toContain('web_search_20250305')
    })

  test('names in a header the documents that only Anthropic can read', async () => {
    const source = { type: 'url' as const, url: 'https://example.com/a.pdf' }
    const content = [
      { type: 'text' as const, text: 'Read it.' },
      { type: 'document' as const, source },
    ]
    const asked = { ...hello, messages: [{ role: 'user' as const, content }] }
    const { response } = await client.messages.create(asked).withResponse()
    expect(response.headers.get('x-tributary-lost')).toBe('document')
  })

  test('answers a request that only fills a cache', async () => {
    expect((await client.messages.create({ ...hello, max_tokens: 0 })).type).toBe('message')
  })

  test('shows reasoning as thinking, before the text', async () => {
    const delta = (members: object) => frame({ choices: [{ index: 0, delta: members, finish_reason: null }] })
    openai.script({
      body: [
        delta({ role: 'assistant', reasoning_content: 'Let me think.' }),
        delta({ content: 'Yes.' }),
        frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
        'data: [DONE]\n\n',
      ],
    })
    const { content } = await client.messages.stream(hello).finalMessage()
    expect(content).toMatchObject([
      { type: 'thinking', thinking: 'Let me think.', signature: '' },
      { type: 'text', text: 'Yes.' },
    ])
  })
})

describe('a failure', () => {
  const errorOf = (asked: Promise<unknown>) =>
    asked.then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof APIError ? thrown : undefined),
    )

  test('has Anthropic’s form', async () => {
    const wrong = new Anthropic({ baseURL: gateway.url, apiKey: 'sk-wrong-0123456789abcdef', maxRetries: 0 })
    const noModel = { ...hello, model: 'openai/none' }
    const [unknown, refused] = [
      await errorOf(client.messages.create(noModel)),
      await errorOf(wrong.messages.create(hello)),
    ]
    expect(unknown).toMatchObject({ status: 404, error: { type: 'error', error: { type: 'not_found_error' } } })
    expect(refused).toMatchObject({ status: 403, error: { type: 'error', error: { type: 'permission_error' } } })
  })

  test('of a conversation that is too long has the words for which Claude Code looks', async () => {
    const body = { error: { message: 'The maximum context length is 8192 tokens.', code: 'context_length_exceeded' } }
    openai.script({ status: 400, headers: { 'content-type': 'application/json' }, body: [JSON.stringify(body)] })
    const thrown = await errorOf(client.messages.create(hello))
    expect(thrown).toMatchObject({ status: 400, error: { error: { type: 'invalid_request_error' } } })
    expect(thrown?.message).toContain('prompt is too long: ')
    expect(thrown?.message).toContain('maximum context length is 8192')
  })

  test('in the middle of a stream is an error, and no end', async () => {
    const begun = frame({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null }] })
    openai.script({ body: [begun], ending: 'rst', endDelayMs: 20 })
    const stream = client.messages.stream(hello)
    const thrown = await errorOf(stream.finalMessage())
    expect(thrown?.error).toMatchObject({ type: 'error', error: { type: 'api_error' } })
  })
})

test('a client that leaves stops the upstream', async () => {
  const begun = frame({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null }] })
  openai.script({ body: [begun], ending: 'stall' })
  const before = openai.closedAt.length
  for await (const event of client.messages.stream(hello)) if (event.type === 'content_block_delta') break
  await until(() => openai.closedAt.length > before, 1_000, 'the upstream connection is closed')
})

for (const path of ['/v1/complete', '/v1/files', '/v1/messages/batches'])
  test(`there is nothing at ${path}, in Anthropic’s form`, async () => {
    const headers = { 'x-api-key': key, 'anthropic-version': '2023-06-01' }
    const response = await fetch(`${gateway.url}${path}`, { method: 'POST', headers })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'not_found_error' } })
  })

test('models.list names every model in the form of Anthropic', async () => {
  const models = await Array.fromAsync(client.models.list({ limit: 1_000 }))
  expect(models).toContainEqual(
    expect.objectContaining({ id: model, type: 'model', display_name: model, created_at: '2025-10-09T08:53:20.000Z' }),
  )
})

test('messages.countTokens is an estimate of the gateway, and never under the characters by a lot', async () => {
  const asked = openai.chats.length
  const words = 'The quick brown fox jumps over the lazy dog. '.repeat(100)
  const { input_tokens } = await client.messages.countTokens({
    model,
    messages: [{ role: 'user', content: words }],
    tools,
  })
  // a tokenizer of OpenAI's counts 1,001 for the text alone
  expect(input_tokens).toBeWithin(1_001, 2_500)
  expect(openai.chats.length).toBe(asked)
})
