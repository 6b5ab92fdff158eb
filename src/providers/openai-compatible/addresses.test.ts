/** Addresses of clouds, by their forms: which URL is asked, with which headers, and what their errors mean. */
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { startGateway } from '../../../test/chaos/gateway.ts'
import { Secret } from '../../chat/secret.ts'
import { Environment } from '../../config/environment.ts'
import { type EmulatedRequest, emulateHttp } from '../../wire/emulator/http.ts'
import { eventsOf } from '../anthropic/emulator/answer.ts'
import { messageEvent } from '../anthropic/emulator/index.ts'
import { headersFor } from './azure.ts'
import { messageItem } from './emulator/responses-answer.ts'
import { responseStream } from './emulator/responses-stream.ts'
import { provider } from './index.ts'

const json = { 'content-type': 'application/json' }
const said = { choices: [{ index: 0, message: { role: 'assistant', content: 'Hi.' }, finish_reason: 'stop' }] }
const item = messageItem('msg_1', [{ type: 'output_text', text: 'Hi.', annotations: [] }])
const message = { model: 'm', content: [{ type: 'text', text: 'Hi.' }], stop_reason: 'end_turn', usage: {} } as const

/** What the cloud answers in place of an answer. */
let refusal: object | undefined
const requests: EmulatedRequest[] = []
const cloud = await emulateHttp((exchange) => {
  const { path } = exchange.request
  requests.push(exchange.request)
  if (refusal) return exchange.reply(400, JSON.stringify(refusal), json)
  if (path.includes('/chat/completions')) return exchange.reply(200, JSON.stringify(said), json)
  const events = path.endsWith('/messages') ? eventsOf('msg_1', message).map(messageEvent) : responseStream('m', [item])
  return exchange.reply(200, events.join(''), { 'content-type': 'text/event-stream' })
})
const at = (path: string) => cloud.origin + path
const gateway = startGateway({
  UPSTREAM_AZURE_URL: at('/openai/v1/'),
  UPSTREAM_AZURE_KEY: 'key-of-the-tests',
  UPSTREAM_AZURE_HEADERS: 'api-key: key-of-the-operator',
  UPSTREAM_AZURE_API: 'chat,responses',
  UPSTREAM_AZURE_MODELS: 'm',
  UPSTREAM_OLDER_AZURE_URL: at('/openai/deployments/m?api-version=2024-10-21'),
  UPSTREAM_OLDER_AZURE_KEY: 'key-of-the-tests',
  UPSTREAM_VERTEX_URL: at('/v1/projects/p/locations/global/endpoints/openapi'),
  UPSTREAM_VERTEX_KEY: 'token-of-the-tests',
  UPSTREAM_VERTEX_MODELS: 'google/m',
  UPSTREAM_BEDROCK_URL: at('/openai/v1'),
  UPSTREAM_BEDROCK_KEY: 'key-of-the-tests',
  UPSTREAM_BEDROCK_API: 'responses',
  UPSTREAM_BEDROCK_MODELS: 'm',
  UPSTREAM_CLAUDE_URL: at('/anthropic/v1'),
  UPSTREAM_CLAUDE_KEY: 'key-of-the-tests',
  UPSTREAM_CLAUDE_API: 'messages',
  UPSTREAM_CLAUDE_MODELS: 'm',
})
afterEach(() => {
  requests.length = 0
  refusal = undefined
})
afterAll(async () => {
  await gateway.close()
  await cloud.close()
})

async function ask(model: string, path = '/v1/chat/completions', body: object = {}) {
  const messages = [{ role: 'user', content: 'Hello' }]
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ model, messages, ...body }),
  })
  return { status: response.status, body: await response.text(), request: requests[0] }
}

describe('the address', () => {
  for (const [model, path, headers] of [
    ['azure/m', '/openai/v1/chat/completions', { 'api-key': 'key-of-the-operator' }],
    [
      'older-azure/m',
      '/openai/deployments/m/chat/completions?api-version=2024-10-21',
      { 'api-key': 'key-of-the-tests' },
    ],
    [
      'vertex/google/m',
      '/v1/projects/p/locations/global/endpoints/openapi/chat/completions',
      { authorization: 'Bearer token-of-the-tests' },
    ],
    ['bedrock/m', '/openai/v1/responses', { authorization: 'Bearer key-of-the-tests' }],
    [
      'claude/m',
      '/anthropic/v1/messages',
      { authorization: 'Bearer key-of-the-tests', 'x-api-key': 'key-of-the-tests', 'anthropic-version': '2023-06-01' },
    ],
  ] satisfies (readonly [string, string, object])[])
    test(`of ${model} is ${path}`, async () => {
      const { status, body, request } = await ask(model)
      expect([status, JSON.parse(body).choices?.[0].message.content]).toEqual([200, 'Hi.'])
      expect(request?.path).toBe(path)
      expect(Object.fromEntries(request?.headers.entries() ?? [])).toMatchObject(headers)
    })

  test('is that of the Responses API for a client of it, if the service has both', async () => {
    expect((await ask('azure/m', '/v1/responses', { messages: undefined, input: 'Hello' })).status).toBe(200)
    expect(requests[0]?.path).toBe('/openai/v1/responses')
  })
})

describe('the key of Azure', () => {
  const key = new Secret('key-of-the-tests')
  for (const url of ['https://r.openai.azure.com/openai/v1', 'https://r.services.ai.azure.com/openai/v1'])
    test(`is sent as api-key to ${url}`, () => {
      expect(headersFor({ url, query: '' }, {}, key)).toEqual({ 'api-key': 'key-of-the-tests' })
    })

  test('is not sent with a token of Entra', () => {
    const headers = { authorization: 'Bearer token' }
    expect(headersFor({ url: 'https://r.openai.azure.com/openai/v1', query: '' }, headers, key)).toEqual(headers)
  })
})

describe('a filter of Azure', () => {
  const words = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
  const innererror = { code: 'ResponsibleAIPolicyViolation', content_filter_result: { hate: { filtered: true } } }
  for (const code of ['content_filter', null])
    test(`is content-filtered, with the code ${code}`, async () => {
      refusal = { error: { message: words, type: null, param: 'prompt', code, status: 400, innererror } }
      const { status, body } = await ask('older-azure/m')
      expect(status).toBe(400)
      expect(JSON.parse(body).error).toMatchObject({ code: 'content_filter', message: words })
    })
})

test('which addresses have both of OpenAI’s APIs is known', () => {
  const has = (url: string, model: string, dialect: string) => {
    const environment = new Environment({ UPSTREAM_X_URL: url, UPSTREAM_X_KEY: 'key' })
    const [upstream] = provider.configure(environment)
    expect(environment.problems).toEqual([])
    return upstream?.support.instead?.({ model, dialect }) !== undefined
  }
  for (const url of ['https://api.openai.com/v1', 'https://r.openai.azure.com/openai/v1/']) {
    expect(has(url, 'gpt-5', 'openai-responses')).toBe(true)
    expect(has(url, 'gpt-5', 'openai-chat')).toBe(false)
    for (const model of ['o1-pro', 'gpt-5-pro', 'gpt-5.2-pro-2026-01-01', 'gpt-5-codex', 'o3-deep-research'])
      expect(has(url, model, 'openai-chat')).toBe(true)
  }
  for (const url of ['https://r.openai.azure.com/openai/deployments/o1-pro?api-version=1', 'http://127.0.0.1:1/v1'])
    expect(has(url, 'o1-pro', 'openai-responses')).toBe(false)
})

test('OpenAI needs only its key, and OPENAI_API decides otherwise', () => {
  const asks = (model: string, more: Readonly<Record<string, string>> = {}) => {
    const [upstream] = provider.configure(new Environment({ OPENAI_API_KEY: 'key', ...more }))
    return upstream?.support.instead?.({ model, dialect: 'anthropic-messages' }) ? 'responses' : 'chat'
  }
  expect([asks('gpt-5'), asks('gpt-5-pro')]).toEqual(['chat', 'responses'])
  expect(asks('gpt-5', { OPENAI_API: 'responses' })).toBe('responses')
  expect(asks('gpt-5-pro', { OPENAI_RESPONSES_MODELS: 'gpt-6*' })).toBe('chat')
  expect(asks('gpt-6.1', { OPENAI_RESPONSES_MODELS: 'gpt-6*' })).toBe('responses')
  expect(asks('gpt-5-pro', { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' })).toBe('chat')
})

describe('a wrong API', () => {
  const problemsOf = (values: Readonly<Record<string, string>>) => {
    const environment = new Environment(values)
    provider.configure(environment)
    return environment.problems.map(({ variable }) => variable)
  }

  test('is reported', () => {
    expect(problemsOf({ UPSTREAM_X_URL: 'http://h/v1', UPSTREAM_X_API: 'chats' })).toEqual(['UPSTREAM_X_API'])
    expect(problemsOf({ UPSTREAM_X_URL: 'http://h/v1', UPSTREAM_X_API: 'chat,messages' })).toEqual(['UPSTREAM_X_API'])
    expect(problemsOf({ DEEPSEEK_API_KEY: 'k', DEEPSEEK_API: 'messages' })).toEqual(['DEEPSEEK_API'])
    const address = { DEEPSEEK_BASE_URL: 'https://api.deepseek.com/anthropic' }
    expect(problemsOf({ DEEPSEEK_API_KEY: 'k', DEEPSEEK_API: 'messages', ...address })).toEqual([])
  })

  test('an address without a version gets no warning for Messages', () => {
    const environment = new Environment({ UPSTREAM_X_URL: 'https://h/anthropic', UPSTREAM_X_API: 'messages' })
    provider.configure(environment)
    expect(environment.warnings).toEqual([])
  })
})
