import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import Anthropic, { APIError } from '@anthropic-ai/sdk'
import OpenAI, { BadRequestError } from 'openai'
import { signature } from '../../src/providers/anthropic/emulator/answer.ts'
import {
  type AnthropicEmulator,
  emulateAnthropic,
  errorOf as errorBody,
  messageEvent,
} from '../../src/providers/anthropic/emulator/index.ts'
import { measureBelow, until } from '../waiting.ts'
import { build, type Running, start } from './program.ts'
import { errorOf, runnable, weatherAndTime } from './sdk.ts'

// The official SDKs of OpenAI and of Anthropic ask the executable, with Anthropic as the upstream.

beforeAll(build, 120_000)

const key = 'sk-client-0123456789abcdef'
const model = 'anthropic/claude-test'

let service: AnthropicEmulator
let gateway: Running
let openai: OpenAI
let client: Anthropic
beforeAll(async () => {
  service = await emulateAnthropic({ keys: ['sk-upstream', 'sk-upstream-two'], pageSize: 1 })
  gateway = await start({
    API_MASTER_KEY: key,
    ANTHROPIC_BASE_URL: service.origin,
    ANTHROPIC_API_KEY: 'sk-upstream',
    ANTHROPIC_API_KEY_1: 'sk-upstream-two',
  })
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 })
  client = new Anthropic({ baseURL: gateway.url, apiKey: key, maxRetries: 0 })
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await service.close()
})

const lastChat = () => service.chats.at(-1)
const mark = { cache_control: { type: 'ephemeral' as const } }

describe("OpenAI's SDK", () => {
  const hello = { model, messages: [{ role: 'user' as const, content: 'Hello there' }] }
  const callBoth = { model, messages: [{ role: 'user' as const, content: 'call weather time' }], tools: weatherAndTime }
  const usage = {
    prompt_tokens: 12,
    completion_tokens: 5,
    total_tokens: 17,
    prompt_tokens_details: { cached_tokens: 2 },
  }

  test('gets a whole answer, with the true usage', async () => {
    await openai.models.list()
    const { data, response } = await openai.chat.completions.create(hello).withResponse()
    expect(data).toMatchObject({
      object: 'chat.completion',
      model,
      choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: 'You said: Hello there' } }],
      usage,
    })
    expect(response.headers.get('x-tributary-upstream')).toBe('anthropic')
    // the limit is that of the model in the list
    expect(lastChat()).toMatchObject({
      max_tokens: 64_000,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello there', ...mark }] }],
    })
  })

  test('gets a stream', async () => {
    const asked = { ...hello, stream: true as const, stream_options: { include_usage: true } }
    const chunks = await Array.fromAsync(await openai.chat.completions.create(asked))
    const texts = chunks.flatMap(({ choices }) => choices[0]?.delta.content || [])
    expect(texts).toEqual(['You', ' said:', ' Hello', ' there'])
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(['stop'])
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage })
  })

  test('gets the reasoning before the answer', async () => {
    const { choices } = await openai.chat.completions.create({ ...hello, reasoning_effort: 'low' })
    expect(choices[0]?.message).toMatchObject({ reasoning_content: 'Let me think.', content: 'You said: Hello there' })
    expect(lastChat()?.thinking).toEqual({ type: 'enabled', budget_tokens: 4_096 })
  })

  test('gets JSON for a schema', async () => {
    const schema = { type: 'object', properties: { said: { type: 'string' } }, required: ['said'] }
    const response_format = { type: 'json_schema' as const, json_schema: { name: 'x', schema } }
    const { choices } = await openai.chat.completions.parse({ ...hello, response_format })
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({ said: 'Hello there' })
  })

  test('reads in a header how its parameters were used', async () => {
    const parameters = { temperature: 1.5, stop: 'END', seed: 1, max_completion_tokens: 99, user: 'ann', n: 1 }
    const { response } = await openai.chat.completions.create({ ...hello, ...parameters }).withResponse()
    expect((response.headers.get('x-tributary-parameters') ?? '').split(', ').sort()).toEqual([
      'max_completion_tokens=mapped',
      'n=emulated',
      'seed=dropped',
      'stop=mapped',
      'temperature=mapped',
      'user=mapped',
    ])
    expect(lastChat()).toMatchObject({
      temperature: 1,
      stop_sequences: ['END'],
      max_tokens: 99,
      metadata: { user_id: 'ann' },
    })
  })

  for (const stream of [false, true])
    test(`runs tools over several turns, with reasoning, ${stream ? 'with' : 'without'} streaming`, async () => {
      const messages = [{ role: 'system' as const, content: 'Be brief.' }, ...callBoth.messages]
      const asked = { model, messages, tools: runnable, reasoning_effort: 'low' as const }
      const runner = stream
        ? openai.chat.completions.runTools({ ...asked, stream: true })
        : openai.chat.completions.runTools(asked)
      expect(await runner.finalContent()).toBe('You said: weather! time!')
      expect(lastChat()).toMatchObject({
        system: [{ type: 'text', text: 'Be brief.', ...mark }],
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'call weather time' }] },
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 'Let me think.', signature },
              { type: 'tool_use', id: 'toolu_weather_1', name: 'weather', input: { city: 'Paris' } },
              { type: 'tool_use', id: 'toolu_time_2', name: 'time', input: { city: 'Paris' } },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'toolu_weather_1', content: [{ type: 'text', text: 'weather!' }] },
              { type: 'tool_result', tool_use_id: 'toolu_time_2', content: [{ type: 'text', text: 'time!' }], ...mark },
            ],
          },
        ],
      })
      // the gateway keeps the thinking, which this dialect cannot send back
      expect(lastChat()?.thinking).toBeDefined()
    })

  test('can send a picture and a file', async () => {
    const url = 'data:image/png;base64,iVBORw0KGgo='
    const content = [
      { type: 'text' as const, text: 'What is this?' },
      { type: 'image_url' as const, image_url: { url } },
      { type: 'file' as const, file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } },
    ]
    await openai.chat.completions.create({ model, messages: [{ role: 'user', content }] })
    expect(lastChat()?.messages[0]?.content).toMatchObject([
      { type: 'text' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
      { type: 'document', source: { media_type: 'application/pdf', data: 'JVBERi0=' }, title: 'a.pdf' },
    ])
  })

  test('is told what Anthropic does not support, before it is asked', async () => {
    const audio = { type: 'input_audio' as const, input_audio: { data: 'AAAA', format: 'wav' as const } }
    const before = service.chats.length
    const error = await errorOf(
      openai.chat.completions.create({ model, messages: [{ role: 'user', content: [audio] }] }),
    )
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'messages[0].content[0]' })
    expect(service.chats.length).toBe(before)
  })

  test('finds the models of every page', async () => {
    const listed = await Array.fromAsync(openai.models.list())
    expect(listed.map(({ id }) => id)).toEqual(expect.arrayContaining([model, 'anthropic/claude-other-test']))
  })

  test('an account with a limit rests, and the other one answers', async () => {
    service.script({
      status: 429,
      headers: { 'retry-after': '1' },
      body: [JSON.stringify(errorBody('rate_limit_error', 'No.'))],
    })
    const before = service.chats.length
    expect((await openai.chat.completions.create(hello)).choices[0]?.finish_reason).toBe('stop')
    expect(service.chats.length - before).toBe(2)
    const keys = service.requests.slice(-2).map(({ headers }) => headers.get('x-api-key'))
    expect(new Set(keys).size).toBe(2)
  })
})

describe("Anthropic's SDK", () => {
  const hello = { model, max_tokens: 2_000, messages: [{ role: 'user' as const, content: 'Hello there' }] }
  const tools: Anthropic.ToolUnion[] = [
    ...['weather', 'time'].map((name) => ({
      name,
      description: `The ${name}.`,
      input_schema: { type: 'object' as const },
    })),
    { type: 'web_search_20250305', name: 'web_search', max_uses: 8, ...mark },
  ]

  test('sends what only Anthropic knows, and the betas', async () => {
    const { messages, ...rest } = hello
    const asked = {
      ...rest,
      system: [{ type: 'text' as const, text: 'Be brief.', ...mark }],
      messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Hello there', ...mark }] }],
      thinking: { type: 'enabled' as const, budget_tokens: 1_024 },
      metadata: { user_id: '{"device":"d"}' },
      service_tier: 'standard_only' as const,
      tools,
      tool_choice: { type: 'auto' as const, disable_parallel_tool_use: true },
    }
    const headers = { 'anthropic-beta': 'first-2026-01-01,second-2026-02-02' }
    const { data, response } = await client.messages.create(asked, { headers }).withResponse()
    expect<unknown>(lastChat()).toEqual({ ...asked, model: 'claude-test' })
    expect(service.requests.at(-1)?.headers.get('anthropic-beta')).toBe('first-2026-01-01,second-2026-02-02')
    expect(response.headers.get('x-tributary-parameters') ?? '').not.toContain('dropped')
    expect(response.headers.get('x-tributary-lost')).toBeNull()
    expect(data).toMatchObject({
      content: [
        { type: 'thinking', thinking: 'Let me think.', signature },
        { type: 'text', text: 'You said: Hello there' },
      ],
      usage: { input_tokens: 7, cache_read_input_tokens: 2, cache_creation_input_tokens: 3, service_tier: 'standard' },
    })
  })

  test('may search the web with Anthropic’s tool alone', async () => {
    const search = { type: 'web_search_20250305' as const, name: 'web_search' as const }
    await client.messages.create({ ...hello, tools: [search] })
    expect(lastChat()?.tools).toEqual([search])
  })

  test('gets thinking in a stream, and sends it back with its signature byte for byte', async () => {
    const asked = {
      ...hello,
      messages: [{ role: 'user' as const, content: 'call weather time' }],
      thinking: { type: 'enabled' as const, budget_tokens: 1_024 },
      tools,
    }
    const { content, stop_reason } = await client.messages.stream(asked).finalMessage()
    expect(content).toMatchObject([
      { type: 'thinking', thinking: 'Let me think.', signature },
      { type: 'tool_use', id: 'toolu_weather_1', input: { city: 'Paris' } },
      { type: 'tool_use', id: 'toolu_time_2', input: { city: 'Paris' } },
    ])
    expect(stop_reason).toBe('tool_use')
    const results = content.flatMap((block): Anthropic.ToolResultBlockParam[] =>
      block.type === 'tool_use'
        ? [{ type: 'tool_result', tool_use_id: block.id, content: block.name, is_error: true }]
        : [],
    )
    const messages = [
      ...asked.messages,
      { role: 'assistant' as const, content },
      { role: 'user' as const, content: results },
    ]
    expect((await client.messages.create({ ...asked, messages })).stop_reason).toBe('end_turn')
    expect<unknown>(lastChat()?.messages).toEqual(JSON.parse(JSON.stringify(messages)))
  })

  test('keeps all that it sent when the gateway runs a tool of its own', async () => {
    const content = [{ type: 'text' as const, text: 'call builtin__current_time', ...mark }]
    const asked = {
      ...hello,
      model: `${model}:tools`,
      messages: [{ role: 'user' as const, content }],
      thinking: { type: 'enabled' as const, budget_tokens: 1_024 },
      tools,
    }
    const { stop_reason, usage } = await client.messages.create(asked)
    expect(stop_reason).toBe('end_turn')
    expect(usage).toMatchObject({ input_tokens: 14, cache_read_input_tokens: 4 })
    const chat = lastChat()
    expect<unknown>(chat?.tools?.slice(0, tools.length)).toEqual(tools)
    expect(chat?.tools?.map(({ name }) => name)).toContain('builtin__current_time')
    expect(chat?.thinking).toEqual(asked.thinking)
    expect(chat?.messages).toMatchObject([
      ...asked.messages,
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Let me think.', signature },
          { type: 'tool_use', name: 'builtin__current_time' },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', content: [{ type: 'text' }] }] },
    ])
  })

  const failures = [
    [400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum', 400, 'invalid_request_error'],
    [529, 'overloaded_error', 'Overloaded', 503, 'overloaded_error'],
    [401, 'authentication_error', 'invalid x-api-key', 502, 'api_error'],
  ] as const
  for (const [status, type, message, ours, named] of failures)
    test(`gets ${ours} for the upstream’s ${status}`, async () => {
      const own = await emulateAnthropic({
        reply: () => ({ status, body: [JSON.stringify(errorBody(type, message))] }),
      })
      const variables = {
        ANTHROPIC_BASE_URL: own.origin,
        ANTHROPIC_API_KEY: 'sk-upstream',
        ANTHROPIC_MODELS: 'claude-test',
      }
      await using other = await start(variables)
      const asking = new Anthropic({ baseURL: other.url, apiKey: 'unused', maxRetries: 0 }).messages.create(hello)
      const thrown = await asking.catch((error: unknown) => error)
      if (!(thrown instanceof APIError)) throw new Error('no APIError')
      expect(thrown).toMatchObject({ status: ours, error: { error: { type: named } } })
      if (status === 400) expect(thrown.message).toContain(message)
      await own.close()
    })

  test('gets an error in a stream as an error, and no end', async () => {
    const begun = [
      messageEvent({ type: 'message_start', message: { usage: { input_tokens: 1 } } }),
      messageEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
      messageEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } }),
      messageEvent({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
    ]
    service.script({ body: begun })
    const thrown = await client.messages
      .stream(hello)
      .finalMessage()
      .catch((error: unknown) => error)
    expect(thrown).toMatchObject({ error: { type: 'error', error: { type: 'overloaded_error' } } })
  })

  test('that leaves ends the request to Anthropic at once', async () => {
    await measureBelow(50, 'milliseconds until the request has ended', async () => {
      const closed = service.closedAt.length
      const begun = [
        messageEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
        messageEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } }),
      ]
      service.script({ body: begun, ending: 'stall' })
      for await (const event of client.messages.stream(hello)) if (event.type === 'content_block_delta') break
      const leftAt = performance.now()
      await until(() => service.closedAt.length > closed, 1_000, 'the end of the request')
      return (service.closedAt.at(-1) ?? 0) - leftAt
    })
  })
})
