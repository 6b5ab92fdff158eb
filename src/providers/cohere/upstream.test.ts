import { afterAll, describe, expect, test } from 'bun:test'
import { failureOf } from '../../../test/failure.ts'
import type { Account } from '../../accounts/account.ts'
import { anybody } from '../../chat/caller.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { Secret } from '../../chat/secret.ts'
import { noThread } from '../../chat/thread.ts'
import { Environment } from '../../config/environment.ts'
import { Attempts } from '../../flow/attempts.ts'
import { newReceipt } from '../../flow/call.ts'
import { events } from '../../flow/flow.ts'
import { openLog } from '../../telemetry/log.ts'
import type { Script } from '../../wire/emulator/script.ts'
import { machine, newCancel } from '../../wire/machine.double.ts'
import { type CohereEmulator, emulateCohere } from './emulator/index.ts'
import { provider } from './index.ts'

const key = 'token-of-the-tests'
const json = { 'content-type': 'application/json' }
const never = newCancel()
const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
const account: Account<Secret> = { label: 'COHERE_TOKEN', credential: new Secret(key) }

const emulator = await emulateCohere({ keys: [key] })
afterAll(() => emulator.close())

function upstreamOf({ origin }: CohereEmulator) {
  const [upstream] = provider.configure(new Environment({ COHERE_TOKEN: key, COHERE_BASE_URL: origin }))
  if (!upstream) throw new Error('there is no upstream')
  return upstream
}

const request = (rest: Partial<ChatRequest> = {}): ChatRequest => ({
  dialect: 'openai-chat',
  model: 'command-test',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello there' }] }],
  parameters: {},
  spelling: {},
  extra: {},
  stream: true,
  ...rest,
})

async function ask(chat: ChatRequest, by: Account = account): Promise<ChatEvent[]> {
  const call = {
    id: 'one',
    caller: anybody,
    hops: 0,
    signal: never,
    log,
    attempts: new Attempts(),
    receipt: newReceipt(),
    account: by,
    thread: noThread,
  }
  return await Array.fromAsync(events(upstreamOf(emulator).chat(chat, call)))
}

describe('a chat', () => {
  test('is sent as a stream, with the token and without headers of ours', async () => {
    const events = await ask(request({ stream: false }))
    expect(events.map((event) => (event.type === 'text' ? event.text : ''))).toContain(' there')
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['finish', 'usage'])
    const sent = emulator.requests.at(-1)
    expect(sent).toMatchObject({ method: 'POST', path: '/v2/chat' })
    expect(sent?.headers.get('authorization')).toBe(`Bearer ${key}`)
    expect(sent?.headers.get('accept')).toBe('text/event-stream')
    expect([...(sent?.headers.keys() ?? [])].filter((name) => name.startsWith('x-') || name === 'cookie')).toEqual([])
    expect(emulator.chats.at(-1)?.stream).toBe(true)
  })

  test('whose mapped field is refused is sent again without it, and later requests leave it out', async () => {
    const isThinking = (chat: object) => 'thinking' in chat
    const script: Script = {
      status: 400,
      headers: json,
      body: ['{"message":"thinking is not supported by this model"}'],
    }
    const own = await emulateCohere({ reply: (chat) => (isThinking(chat) ? script : undefined) })
    const upstream = upstreamOf(own)
    const effort = request({
      parameters: { reasoningEffort: 'high' },
      spelling: { reasoningEffort: 'reasoning_effort' },
    })
    const receipt = newReceipt()
    const call = {
      id: 'one',
      caller: anybody,
      hops: 0,
      signal: never,
      log,
      attempts: new Attempts(),
      receipt,
      account,
      thread: noThread,
    }
    for (let time = 0; time < 2; time++) for await (const _ of events(upstream.chat(effort, call)));
    expect(own.chats.map(isThinking)).toEqual([true, false, false])
    expect(receipt.parameters.get('reasoning_effort')).toBe('dropped')
    await own.close()
  })

  test('with an unknown token is a failure of the account', async () => {
    const otherAccount = { label: 'COHERE_TOKEN_2', credential: new Secret('another-token') }
    expect(await failureOf(ask(request(), otherAccount))).toMatchObject({
      reason: 'account-refused',
      upstreamStatus: 401,
    })
  })

  test('with an unknown model is not found, with Cohere’s message', async () => {
    const failure = await failureOf(ask(request({ model: 'nothing' })))
    expect(failure.reason).toBe('model-not-found')
    expect(failure.message).toStartWith("model 'nothing' not found")
  })

  test('with an invalid value is a bad request, with Cohere’s message', async () => {
    const failure = await failureOf(ask(request({ parameters: { frequencyPenalty: -1 } })))
    expect(failure).toMatchObject({ reason: 'invalid-request', upstreamStatus: 400 })
    expect(failure.message).toStartWith('invalid request: frequency_penalty')
  })

  const refusals: readonly (readonly [number, string, string, string])[] = [
    [400, 'invalid request: no', 'invalid-request', 'invalid_request'],
    [400, 'too many tokens: 9 are over 8', 'invalid-request', 'context_length_exceeded'],
    [401, 'no api key supplied', 'account-refused', 'upstream_auth'],
    [402, 'please add or update your payment method', 'quota-exhausted', 'insufficient_quota'],
    [403, 'forbidden', 'account-refused', 'upstream_auth'],
    [404, "model 'x' not found", 'model-not-found', 'model_not_found'],
    [422, 'unprocessable entity', 'invalid-request', 'invalid_request'],
    [429, 'limited to 20 API calls / minute', 'rate-limited', 'rate_limit_exceeded'],
    [429, 'limited to 1000 API calls / month', 'quota-exhausted', 'insufficient_quota'],
    [498, 'invalid token', 'account-refused', 'upstream_auth'],
    [499, 'request cancelled', 'upstream-failed', 'upstream_error'],
    [500, 'internal server error', 'upstream-failed', 'upstream_error'],
    [501, 'not implemented', 'upstream-failed', 'upstream_error'],
    [503, 'service unavailable', 'overloaded', 'upstream_overloaded'],
    [504, 'gateway timeout', 'timeout', 'upstream_timeout'],
  ]
  for (const [status, message, reason, code] of refusals) {
    test(`${status} "${message}" is ${code}`, async () => {
      emulator.script({ status, headers: json, body: [JSON.stringify({ id: 'x', message })] })
      expect(await failureOf(ask(request()))).toMatchObject({ reason, code, upstreamStatus: status })
    })
  }

  for (const body of ['', '{}', '[]', '{"message":7}', 'no json'])
    test(`400 with the body ${JSON.stringify(body)} is a bad request`, async () => {
      emulator.script({ status: 400, headers: json, body: [body] })
      expect(await failureOf(ask(request()))).toMatchObject({ reason: 'invalid-request', code: 'invalid_request' })
    })
})

describe('the list of models', () => {
  const listModels = async (options: Parameters<typeof emulateCohere>[0]) => {
    const own = await emulateCohere({ keys: [key], ...options })
    try {
      const models = (await upstreamOf(own).listModels?.(account, never)) ?? []
      return { models, paths: own.requests.map(({ path }) => path) }
    } finally {
      await own.close()
    }
  }
  const page = (...models: object[]): Script => ({ headers: json, body: [JSON.stringify({ models })] })

  test('contains the chat models with their capabilities', async () => {
    const { models, paths } = await listModels({ models: ['command-test', 'command-vision-reasoning'] })
    expect(paths).toEqual(['/v1/models?page_size=1000'])
    const known = { ownedBy: 'cohere', contextLength: 128_000, outputModalities: ['text'] }
    expect(models).toEqual([
      { id: 'command-test', ...known, inputModalities: ['text'], capabilities: ['tools', 'structured-output'] },
      {
        id: 'command-vision-reasoning',
        ...known,
        inputModalities: ['text', 'image'],
        capabilities: ['tools', 'structured-output', 'reasoning'],
      },
    ])
  })

  test('is read page by page', async () => {
    const names = Array.from({ length: 7 }, (_, at) => `command-${at}`)
    const { models, paths } = await listModels({ models: names, pageSize: 3 })
    expect(models.map(({ id }) => id)).toEqual(names)
    expect(paths).toHaveLength(3)
  })

  test('is read up to ten pages', async () => {
    const body = [JSON.stringify({ models: [{ name: 'a' }], next_page_token: 'again' })]
    const { paths } = await listModels({ listing: { headers: json, body } })
    expect(paths).toHaveLength(10)
  })

  test('leaves unknown values out', async () => {
    const { models } = await listModels({
      listing: page({ name: 'a' }, { name: 'b', context_length: 'many', features: 7, supports_vision: null }),
    })
    expect(models).toEqual([
      { id: 'a', ownedBy: 'cohere' },
      { id: 'b', ownedBy: 'cohere' },
    ])
  })

  for (const [fault, listing, code] of [
    ['a refused token', { status: 401, headers: json, body: ['{"message":"invalid api token"}'] }, 'upstream_auth'],
    ['a blocked token', { status: 498, headers: json, body: ['{"message":"invalid token"}'] }, 'upstream_auth'],
    ['another shape', { headers: json, body: ['{"data":[]}'] }, 'upstream_bad_response'],
    ['models without a name', page({ id: 'a' }), 'upstream_bad_response'],
  ] as const)
    test(`${fault} is ${code}`, async () => expect(await failureOf(listModels({ listing }))).toMatchObject({ code }))
})

describe('the environment', () => {
  const configure = (values: Readonly<Record<string, string>>) => {
    const environment = new Environment(values)
    return { upstreams: provider.configure(environment), problems: environment.problems }
  }

  test('without a token configures no upstream', () => {
    expect(configure({})).toEqual({ upstreams: [], problems: [] })
  })

  test('gives an account for each token, and the models of COHERE_MODELS', () => {
    const { upstreams, problems } = configure({
      COHERE_TOKEN_2: 'token-two',
      COHERE_TOKEN: 'token-one',
      COHERE_MODELS: 'command-a, command-b',
    })
    expect(problems).toEqual([])
    expect(upstreams.map(({ name }) => name)).toEqual(['cohere'])
    expect(upstreams[0]?.accounts.map(({ label }) => label)).toEqual(['COHERE_TOKEN', 'COHERE_TOKEN_2'])
    expect(upstreams[0]?.models).toEqual([{ id: 'command-a' }, { id: 'command-b' }])
  })
})

describe('the emulator', () => {
  const hello = { model: 'command-test', stream: false, messages: [{ role: 'user', content: 'Hello' }] }
  const post = (body: unknown, token: string | undefined = `Bearer ${key}`) =>
    fetch(`${emulator.origin}/v2/chat`, {
      method: 'POST',
      headers: token ? { authorization: token } : {},
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }
  const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object' } } }
  const saying = (...messages: object[]) => ({ ...hello, messages: [...hello.messages, ...messages] })

  const wrong: readonly (readonly [string, unknown])[] = [
    ['invalid JSON', '{'],
    ['a missing stream', { ...hello, stream: undefined }],
    ['empty messages', { ...hello, messages: [] }],
    ['an unknown field', { ...hello, top_p: 0.5 }],
    ['an unknown role', saying({ role: 'developer', content: 'a' })],
    ['an unknown field of a message', saying({ role: 'user', content: 'a', name: 'ann' })],
    ['content of a wrong type', saying({ role: 'user', content: 7 })],
    ['content of an unknown type', saying({ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] })],
    ['an image of the system', saying({ role: 'system', content: [{ type: 'image_url', image_url: { url: 'a' } }] })],
    ['an empty message of the assistant', saying({ role: 'assistant', content: '' })],
    ['a result without its call', saying({ role: 'tool', tool_call_id: 'a', content: 'b' })],
    ['tool_choice auto', { ...hello, tools: [tool], tool_choice: 'auto' }],
    ['tool_choice without tools', { ...hello, tool_choice: 'NONE' }],
    ['six stop sequences', { ...hello, stop_sequences: ['1', '2', '3', '4', '5', '6'] }],
    ['p of 1', { ...hello, p: 1 }],
    ['the response format of OpenAI', { ...hello, response_format: { type: 'json_schema' } }],
  ]
  for (const [fault, body] of wrong)
    test(`refuses ${fault}`, async () => {
      const response = await post(body)
      expect({ status: response.status, said: await response.json() }).toMatchObject({
        status: 400,
        said: { message: expect.stringContaining('invalid request') },
      })
    })

  test('accepts a valid body', async () => {
    const right = saying({ role: 'assistant', tool_calls: [call] }, { role: 'tool', tool_call_id: 'a', content: 'b' })
    expect((await post({ ...right, stop_sequences: ['1', '2', '3', '4', '5'], tools: [tool] })).status).toBe(200)
  })

  test('gives a whole answer if no stream is requested', async () => {
    expect(await (await post({ ...hello, max_tokens: 2, documents: ['a'] })).json()).toMatchObject({
      finish_reason: 'MAX_TOKENS',
      message: { role: 'assistant', content: [{ type: 'text', text: 'You said:' }], citations: [{ text: 'You' }] },
      usage: { billed_units: { input_tokens: 4, output_tokens: 2 }, tokens: { input_tokens: 7, output_tokens: 3 } },
    })
  })

  for (const [token, message] of [
    ['', 'no api key supplied'],
    ['Bearer wrong', 'invalid api token'],
  ] as const)
    test(`refuses with "${message}"`, async () => {
      const response = await post(hello, token)
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ message })
    })
})
