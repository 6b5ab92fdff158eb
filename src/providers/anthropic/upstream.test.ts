import { afterAll, describe, expect, test } from 'bun:test'
import { failureOf } from '../../../test/failure.ts'
import type { Account } from '../../accounts/account.ts'
import { anybody } from '../../chat/caller.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { Secret } from '../../chat/secret.ts'
import { noThread } from '../../chat/thread.ts'
import { configureUpstreams } from '../../config/configure-upstreams.ts'
import { Environment } from '../../config/environment.ts'
import { decodeRequest } from '../../dialects/anthropic-messages/decode-request.ts'
import { Attempts } from '../../flow/attempts.ts'
import { newReceipt } from '../../flow/call.ts'
import { events } from '../../flow/flow.ts'
import { openLog } from '../../telemetry/log.ts'
import type { Script } from '../../wire/emulator/script.ts'
import { machine, newCancel } from '../../wire/machine.double.ts'
import { sseEvent } from '../../wire/sse.ts'
import type { MessagesBody } from './emulator/body.ts'
import { type AnthropicEmulator, type AnthropicEmulatorOptions, emulateAnthropic, errorOf } from './emulator/index.ts'
import { provider } from './index.ts'

const key = 'key-of-the-tests'
const json = { 'content-type': 'application/json' }
const never = newCancel()
const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
const account: Account<Secret> = { label: 'ANTHROPIC_API_KEY', credential: new Secret(key) }

const emulator = await emulateAnthropic({ keys: [key] })
afterAll(() => emulator.close())

function upstreamOf({ origin }: AnthropicEmulator, more: Readonly<Record<string, string>> = {}) {
  const environment = new Environment({ ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: origin, ...more })
  const [upstream] = provider.configure(environment)
  if (!upstream) throw new Error('there is no upstream')
  return upstream
}

const request = (rest: Partial<ChatRequest> = {}): ChatRequest => ({
  dialect: 'openai-chat',
  model: 'claude-test',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello there' }] }],
  parameters: {},
  spelling: {},
  extra: {},
  stream: true,
  ...rest,
})

interface Asked {
  readonly by?: Account
  readonly receipt?: ReturnType<typeof newReceipt>
  readonly of?: ReturnType<typeof upstreamOf>
}

async function ask(
  chat: ChatRequest,
  { by = account, receipt = newReceipt(), of = upstreamOf(emulator) }: Asked = {},
): Promise<ChatEvent[]> {
  const attempts = new Attempts()
  const call = {
    id: 'one',
    caller: anybody,
    hops: 0,
    signal: never,
    log,
    attempts,
    receipt,
    account: by,
    thread: noThread,
  }
  return await Array.fromAsync(events(of.chat(chat, call)))
}

const refusal = (status: number, type: string, message: string, headers = {}): Script => ({
  status,
  headers: { ...json, ...headers },
  body: [JSON.stringify(errorOf(type, message))],
})

describe('a chat', () => {
  test('is sent as a stream, with the key and the version', async () => {
    const answer = await ask(request({ stream: false }))
    expect(answer.map((event) => (event.type === 'text' ? event.text : '')).join('')).toBe('You said: Hello there')
    expect(answer.slice(-2)).toMatchObject([
      { type: 'finish', reason: 'stop', raw: 'end_turn' },
      { type: 'usage', usage: { inputTokens: 12, cachedInputTokens: 2, cacheWriteTokens: 3, outputTokens: 5 } },
    ])
    const sent = emulator.requests.at(-1)
    expect(sent).toMatchObject({ method: 'POST', path: '/v1/messages' })
    expect(sent?.headers.get('x-api-key')).toBe(key)
    expect(sent?.headers.get('anthropic-version')).toBe('2023-06-01')
    expect(sent?.headers.get('x-tributary-hops')).toBe('1')
    for (const name of ['authorization', 'anthropic-beta', 'cookie']) expect(sent?.headers.get(name) ?? '').toBe('')
    expect(emulator.chats.at(-1)).toMatchObject({ stream: true, max_tokens: 8_192 })
  })

  test('has the operator’s headers, and the features that a client of the same dialect asks for', async () => {
    const of = upstreamOf(emulator, { ANTHROPIC_HEADERS: 'anthropic-beta: first; X-Lab: 7' })
    const body = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] }
    const own = { ...decodeRequest(body, { betas: 'second-2026-01-01, third\u00a0x,fourth' }), model: 'claude-test' }
    await ask(own, { of })
    const { headers } = emulator.requests.at(-1) ?? {}
    expect(headers?.get('anthropic-beta')).toBe('first,second-2026-01-01,fourth')
    expect(headers?.get('x-lab')).toBe('7')
    await ask(request({ extra: { 'openai-chat': { 'anthropic-beta': 'x' } } }), { of })
    expect(emulator.requests.at(-1)?.headers.get('anthropic-beta')).toBe('first')
  })

  test('may be answered by a whole message', async () => {
    const content = [{ type: 'text', text: 'Whole.' }]
    const message = {
      type: 'message',
      role: 'assistant',
      content,
      stop_reason: 'max_tokens',
      usage: { output_tokens: 2 },
    }
    emulator.script({ headers: json, body: [JSON.stringify(message)] })
    const answer = await ask(request())
    expect(answer[0]).toMatchObject({ type: 'text', text: 'Whole.' })
    expect(answer.find(({ type }) => type === 'finish')).toMatchObject({ reason: 'length' })
  })

  test('with an unknown key is a failure of the account', async () => {
    const by = { label: 'ANTHROPIC_API_KEY_2', credential: new Secret('another-key') }
    expect(await failureOf(ask(request(), { by }))).toMatchObject({ reason: 'account-refused', upstreamStatus: 401 })
  })

  test('with an unknown model is not found, with Anthropic’s message', async () => {
    const failure = await failureOf(ask(request({ model: 'nothing' })))
    expect(failure).toMatchObject({ reason: 'model-not-found', message: 'model: nothing' })
  })

  const refusals: readonly (readonly [number, string, string, string, string])[] = [
    [400, 'invalid_request_error', 'messages: no', 'invalid-request', 'invalid_request'],
    [
      400,
      'invalid_request_error',
      'prompt is too long: 9 tokens > 8 maximum',
      'invalid-request',
      'context_length_exceeded',
    ],
    [
      400,
      'invalid_request_error',
      'input length and `max_tokens` exceed context limit',
      'invalid-request',
      'context_length_exceeded',
    ],
    [400, 'invalid_request_error', 'Your credit balance is too low', 'quota-exhausted', 'insufficient_quota'],
    [401, 'authentication_error', 'invalid x-api-key', 'account-refused', 'upstream_auth'],
    [402, 'billing_error', 'no card', 'quota-exhausted', 'insufficient_quota'],
    [403, 'permission_error', 'not for you', 'account-refused', 'upstream_auth'],
    [404, 'not_found_error', 'model: x', 'model-not-found', 'model_not_found'],
    [413, 'request_too_large', 'Request exceeds the maximum size', 'too-large', 'request_too_large'],
    [429, 'rate_limit_error', 'Slower, please.', 'rate-limited', 'rate_limit_exceeded'],
    [500, 'api_error', 'Internal server error', 'upstream-failed', 'upstream_error'],
    [504, 'timeout_error', 'It took too long.', 'timeout', 'upstream_timeout'],
    [529, 'overloaded_error', 'Overloaded', 'overloaded', 'upstream_overloaded'],
  ]
  for (const [status, type, message, reason, code] of refusals)
    test(`${status} "${message}" is ${code}`, async () => {
      emulator.script(refusal(status, type, message))
      const failure = await failureOf(ask(request()))
      expect(failure).toMatchObject({ reason, code, upstreamStatus: status })
      expect(failure.message).toContain(message)
    })

  test('an event named error is an error, even if its data is not JSON', async () => {
    emulator.script({ body: [sseEvent('error', 'Out of order')] })
    const failure = await failureOf(ask(request()))
    expect(failure).toMatchObject({ reason: 'upstream-failed', code: 'upstream_error' })
    expect(failure.message).toContain('Out of order')
  })

  test('429 says when to ask again', async () => {
    emulator.script(refusal(429, 'rate_limit_error', 'Slower, please.', { 'retry-after': '7' }))
    expect(await failureOf(ask(request()))).toMatchObject({ reason: 'rate-limited', retryAfterMs: 7_000 })
  })
})

describe('what a model does not take', () => {
  const spelling = { temperature: 'temperature', topP: 'top_p', reasoningEffort: 'reasoning_effort' }

  /** Asks twice. The service refuses each body of which `complaint` says something. */
  async function askTwice(
    parameters: ChatRequest['parameters'],
    complaint: (chat: MessagesBody) => string | undefined,
  ) {
    const own = await emulateAnthropic({
      reply(chat) {
        const message = complaint(chat)
        return message === undefined ? undefined : refusal(400, 'invalid_request_error', message)
      },
    })
    const receipt = newReceipt()
    try {
      const of = upstreamOf(own)
      for (let time = 0; time < 2; time++) await ask(request({ parameters, spelling }), { receipt, of })
      return { chats: own.chats, receipt: Object.fromEntries(receipt.parameters) }
    } finally {
      await own.close()
    }
  }

  test('a temperature that is refused is left out, and later requests have none', async () => {
    const { chats, receipt } = await askTwice({ temperature: 0.5, topP: 0.9 }, ({ temperature }) =>
      temperature === undefined ? undefined : '`temperature` is deprecated for this model.',
    )
    expect(chats.map(({ temperature }) => temperature)).toEqual([0.5, undefined, undefined])
    expect(chats.map(({ top_p }) => top_p)).toEqual([0.9, 0.9, 0.9])
    expect(receipt).toEqual({ temperature: 'dropped' })
  })

  test('of temperature and top_p, the temperature is kept', async () => {
    const both = '`temperature` and `top_p` cannot both be specified for this model. Please use only one.'
    const { chats } = await askTwice({ temperature: 0.5, topP: 0.9 }, ({ temperature, top_p }) =>
      temperature !== undefined && top_p !== undefined ? both : undefined,
    )
    expect(chats.at(-1)).toMatchObject({ temperature: 0.5 })
    expect(chats.map(({ top_p }) => top_p)).toEqual([0.9, undefined, undefined])
  })

  test('a model without budgets gets an effort', async () => {
    const { chats, receipt } = await askTwice({ reasoningEffort: 'high' }, ({ thinking }) =>
      thinking?.type === 'enabled' ? '`thinking.type.enabled` is not supported for this model.' : undefined,
    )
    expect(chats.map(({ thinking }) => thinking?.type)).toEqual(['enabled', 'adaptive', 'adaptive'])
    expect(chats.at(-1)?.output_config).toEqual({ effort: 'high' })
    expect(receipt).toEqual({})
  })

  test('a model that does not think is not asked to', async () => {
    const { chats, receipt } = await askTwice({ reasoningEffort: 'high' }, ({ thinking, output_config }) =>
      thinking
        ? 'thinking is not supported by this model'
        : output_config && 'This model does not support the effort parameter.',
    )
    expect(chats.at(-1)).not.toHaveProperty('thinking')
    expect(chats.at(-1)).not.toHaveProperty('output_config')
    expect(chats).toHaveLength(4)
    expect(receipt).toEqual({ reasoning_effort: 'dropped' })
  })

  test('a limit over that of the model becomes the limit of the model, which is remembered', async () => {
    const { chats } = await askTwice({ reasoningEffort: 'low' }, ({ max_tokens }) =>
      max_tokens > 4_096
        ? `max_tokens: ${max_tokens} > 4096, which is the maximum allowed number of output tokens`
        : undefined,
    )
    expect(chats.map(({ max_tokens }) => max_tokens)).toEqual([12_288, 4_096, 4_096])
    expect(chats.map(({ thinking }) => thinking)).toEqual([
      { type: 'enabled', budget_tokens: 4_096 },
      undefined,
      { type: 'enabled', budget_tokens: 3_072 },
    ])
  })

  test('a service without marks for a cache gets none', async () => {
    const { chats } = await askTwice({}, (chat) =>
      JSON.stringify(chat).includes('cache_control') ? 'cache_control: Extra inputs are not permitted' : undefined,
    )
    expect(chats).toHaveLength(3)
  })

  test('a client of the same dialect gets the refusal', async () => {
    emulator.script(refusal(400, 'invalid_request_error', '`temperature` is deprecated for this model.'))
    const own = decodeRequest({
      model: 'm',
      max_tokens: 9,
      temperature: 1,
      messages: [{ role: 'user', content: 'Hi' }],
    })
    expect(await failureOf(ask(own))).toMatchObject({ reason: 'invalid-request' })
  })

  test('thinking replaces the temperature, and the receipt says so', async () => {
    const receipt = newReceipt()
    const parameters = { reasoningEffort: 'low', temperature: 0.5, stop: ['\n'] }
    await ask(request({ parameters, spelling: { ...spelling, stop: 'stop' } }), { receipt })
    expect(Object.fromEntries(receipt.parameters)).toEqual({ temperature: 'dropped', stop: 'dropped' })
    expect(emulator.chats.at(-1)?.thinking).toEqual({ type: 'enabled', budget_tokens: 4_096 })
  })
})

describe('the list of models', () => {
  const listModels = async (options: AnthropicEmulatorOptions) => {
    const own = await emulateAnthropic({ keys: [key], ...options })
    try {
      const of = upstreamOf(own)
      const models = (await of.listModels?.(account, never)) ?? []
      await ask(request({ model: models[0]?.id ?? '', parameters: { reasoningEffort: 'low' } }), { of })
      return { models, paths: own.requests.map(({ path }) => path), chat: own.chats[0] }
    } finally {
      await own.close()
    }
  }
  const yes = { supported: true }
  const no = { supported: false }
  const capabilities = {
    image_input: yes,
    pdf_input: no,
    structured_outputs: yes,
    thinking: { supported: true, types: { adaptive: yes, enabled: no } },
  }

  test('has their limits and capabilities, and the encoder knows them', async () => {
    const { models, paths, chat } = await listModels({ models: ['claude-a'], facts: { capabilities } })
    expect(paths[0]).toBe('/v1/models?limit=1000')
    expect(models).toEqual([
      {
        id: 'claude-a',
        ownedBy: 'anthropic',
        created: 1_759_104_000,
        contextLength: 200_000,
        maxOutputTokens: 64_000,
        inputModalities: ['text', 'image'],
        outputModalities: ['text'],
        capabilities: ['tools', 'structured-output', 'reasoning'],
      },
    ])
    expect(chat).toMatchObject({ max_tokens: 64_000, thinking: { type: 'adaptive' }, output_config: { effort: 'low' } })
  })

  test('is read page by page, without what it does not know and without retired models', async () => {
    const names = Array.from({ length: 7 }, (_, at) => `claude-${at}`)
    const facts = { max_tokens: null, max_input_tokens: 'many', created_at: 'long ago', capabilities: null }
    const { models, paths, chat } = await listModels({ models: names, pageSize: 3, facts })
    expect(models).toEqual(names.map((id) => ({ id, ownedBy: 'anthropic' })))
    expect(paths.slice(0, -1)).toEqual([
      '/v1/models?limit=1000',
      '/v1/models?limit=1000&after_id=claude-2',
      '/v1/models?limit=1000&after_id=claude-5',
    ])
    expect(chat?.thinking).toEqual({ type: 'enabled', budget_tokens: 4_096 })
    const retired = listModels({ models: names, facts: { lifecycle: 'retired' } })
    expect(await failureOf(retired)).toMatchObject({ code: 'upstream_bad_response' })
  })

  for (const [fault, listing, code] of [
    ['a refused key', refusal(401, 'authentication_error', 'invalid x-api-key'), 'upstream_auth'],
    ['another shape', { headers: json, body: ['{"models":[]}'] }, 'upstream_bad_response'],
    ['models without a name', { headers: json, body: ['{"data":[{"name":"a"}]}'] }, 'upstream_bad_response'],
  ] as const)
    test(`${fault} is ${code}`, async () => expect(await failureOf(listModels({ listing }))).toMatchObject({ code }))
})

describe('the environment', () => {
  const configure = (values: Readonly<Record<string, string>>) => {
    const environment = new Environment(values)
    return { upstreams: provider.configure(environment), problems: environment.problems }
  }

  test('gives an account for each key, and the models of ANTHROPIC_MODELS', () => {
    const { upstreams, problems } = configure({
      ANTHROPIC_API_KEY_2: 'key-two',
      ANTHROPIC_API_KEY: 'key-one',
      ANTHROPIC_MODELS: 'claude-a, claude-b',
      ANTHROPIC_BASE_URL: 'http://box/v1/messages',
    })
    expect(problems).toEqual([])
    expect(upstreams).toMatchObject([
      { name: 'anthropic', address: 'http://box', models: [{ id: 'claude-a' }, { id: 'claude-b' }] },
    ])
    expect(upstreams[0]?.accounts.map(({ label }) => label)).toEqual(['ANTHROPIC_API_KEY', 'ANTHROPIC_API_KEY_2'])
  })

  test('may have an address for Claude Code, which does not turn it on', () => {
    expect(configure({ ANTHROPIC_BASE_URL: 'http://127.0.0.1:8000' })).toEqual({ upstreams: [], problems: [] })
    const environment = new Environment({ ANTHROPIC_BASE_URL: 'http://127.0.0.1:8000', ANTHROPIC_MODELS: 'a' })
    expect(configureUpstreams(environment).upstreams).toEqual([])
    expect(environment.problems.map(({ variable }) => variable)).toEqual(['ANTHROPIC_MODELS'])
  })
})

describe('the emulator', () => {
  const hello = { model: 'claude-test', max_tokens: 99, messages: [{ role: 'user', content: 'Hello' }] }
  const post = (body: unknown, headers: Readonly<Record<string, string>> = { 'x-api-key': key }) =>
    fetch(`${emulator.origin}/v1/messages`, {
      method: 'POST',
      headers: { 'anthropic-version': '2023-06-01', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const saying = (...messages: object[]) => ({ ...hello, messages: [...hello.messages, ...messages] })
  const call = { type: 'tool_use', id: 'a', name: 'f', input: {} }
  const calling = (...blocks: object[]) =>
    saying({ role: 'assistant', content: [call] }, { role: 'user', content: blocks })
  const result = { type: 'tool_result', tool_use_id: 'a', content: 'b' }
  const text = { type: 'text', text: 'b' }
  const mark = { cache_control: { type: 'ephemeral' } }
  const tool = { name: 'f', input_schema: { type: 'object' } }
  const budget = { type: 'enabled', budget_tokens: 1_024 }

  const wrong: readonly (readonly [string, unknown])[] = [
    ['invalid JSON', '{'],
    ['a missing limit', { ...hello, max_tokens: undefined }],
    ['no messages', { ...hello, messages: [] }],
    ['an unknown field', { ...hello, n: 2 }],
    ['an unknown role', saying({ role: 'tool', content: 'a' })],
    ['an empty text', saying({ role: 'user', content: [{ type: 'text', text: ' ' }] })],
    ['a wrong id', saying({ role: 'assistant', content: [{ ...call, id: 'a:b' }] })],
    ['arguments as a text', saying({ role: 'assistant', content: [{ ...call, input: '{}' }] })],
    ['a call without its result', calling(text)],
    ['a result after other blocks', calling(text, result)],
    ['a result without its call', saying({ role: 'user', content: [result] })],
    [
      'a forged signature',
      saying({ role: 'assistant', content: [{ type: 'thinking', thinking: 'a', signature: 'b' }] }),
    ],
    ['a temperature over 1', { ...hello, temperature: 1.1 }],
    ['a budget over the limit', { ...hello, thinking: budget }],
    ['a temperature with thinking', { ...hello, max_tokens: 9_000, thinking: budget, temperature: 0.5 }],
    [
      'a forced call with thinking',
      { ...hello, max_tokens: 9_000, thinking: budget, tools: [tool], tool_choice: { type: 'any' } },
    ],
    ['calls without their thinking', { ...calling(result), max_tokens: 9_000, thinking: budget }],
    ['five marks', saying(...Array.from({ length: 5 }, () => ({ role: 'user', content: [{ ...text, ...mark }] })))],
    ['a tool of OpenAI’s', { ...hello, tools: [{ type: 'function', function: { name: 'f' } }] }],
  ]
  for (const [fault, body] of wrong)
    test(`refuses ${fault}`, async () => {
      const response = await post(body)
      expect({ status: response.status, said: await response.json() }).toMatchObject({
        status: 400,
        said: { type: 'error', error: { type: 'invalid_request_error' } },
      })
    })

  test('accepts a valid body, and gives a whole answer if no stream is requested', async () => {
    const body = { ...calling(result, text), max_tokens: 2, tools: [tool] }
    expect(await (await post(body)).json()).toMatchObject({
      type: 'message',
      content: [{ type: 'text', text: 'You said:' }],
      stop_reason: 'max_tokens',
    })
  })

  test('refuses a wrong key, and a request without a version', async () => {
    expect((await post(hello, {})).status).toBe(401)
    expect((await post(hello, { 'x-api-key': key, 'anthropic-version': '' })).status).toBe(400)
  })
})
