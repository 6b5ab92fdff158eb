import { describe, expect, test } from 'bun:test'
import type { Account } from '../../accounts/account.ts'
import { anybody } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Model } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { Secret } from '../../chat/secret.ts'
import { noThread } from '../../chat/thread.ts'
import { Attempts } from '../../flow/attempts.ts'
import { newReceipt } from '../../flow/call.ts'
import { events as eventsOf } from '../../flow/flow.ts'
import { openLog } from '../../telemetry/log.ts'
import { emulateHttp } from '../../wire/emulator/http.ts'
import type { Script } from '../../wire/emulator/script.ts'
import { machine, newCancel } from '../../wire/machine.double.ts'
import { emulateOpenai, type OpenaiEmulator } from './emulator/index.ts'
import { openaiCompatible } from './upstream.ts'

const json = { 'content-type': 'application/json' }
const never = newCancel()
const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
const account: Account<Secret | undefined> = { label: 'KEY', credential: new Secret('key-of-the-tests') }

const question: ChatRequest = {
  dialect: 'openai-chat',
  model: 'gpt-test',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello there' }] }],
  parameters: {},
  spelling: {},
  extra: {},
  stream: false,
}

const whole = {
  id: 'one',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
}

function callWith(account: Account<Secret | undefined>) {
  return {
    id: 'one',
    caller: anybody,
    hops: 0,
    signal: never,
    log,
    attempts: new Attempts(),
    receipt: newReceipt(),
    account,
    thread: noThread,
  }
}

function upstreamOf({ url }: OpenaiEmulator) {
  return openaiCompatible({ name: 'box', url, accounts: [account], manyChoices: true })
}

/** Lists the models of an upstream that answers with this script. */
async function listModels(listing: Script): Promise<readonly Model[]> {
  const emulator = await emulateOpenai({ listing })
  try {
    return (await upstreamOf(emulator).listModels?.(account, never)) ?? []
  } finally {
    await emulator.close()
  }
}

const listOf = (...data: object[]): Script => ({ headers: json, body: [JSON.stringify({ object: 'list', data })] })
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (thrown) => (thrown instanceof ChatError ? thrown : undefined),
  )
const codeOf = async (promise: Promise<unknown>) => (await errorOf(promise))?.code ?? 'none'

describe('the list of models', () => {
  test('is requested with the key', async () => {
    const emulator = await emulateOpenai({ keys: ['key-of-the-tests'], models: ['a', 'vendor/b'] })
    const models = await upstreamOf(emulator).listModels?.(account, never)
    expect(models).toEqual([
      { id: 'a', created: 1_760_000_000, ownedBy: 'emulator' },
      { id: 'vendor/b', created: 1_760_000_000, ownedBy: 'emulator' },
    ])
    await emulator.close()
  })

  test('has limits under each of their names, and invalid limits are left out', async () => {
    const models = await listModels(
      listOf(
        { id: 'openrouter', context_length: 1_000, max_completion_tokens: 10 },
        { id: 'groq', context_window: 2_000 },
        { id: 'vllm', max_model_len: 3_000 },
        { id: 'odd', context_length: 'many', max_completion_tokens: -1, created: 'today', owned_by: 7 },
        { id: 'bare', context_length: null, created: null },
      ),
    )
    expect(models).toEqual([
      { id: 'openrouter', contextLength: 1_000, maxOutputTokens: 10 },
      { id: 'groq', contextLength: 2_000 },
      { id: 'vllm', contextLength: 3_000 },
      { id: 'odd' },
      { id: 'bare' },
    ])
  })

  test("Gemini's ids lose the prefix that its chat endpoint does not accept", async () => {
    expect(await listModels(listOf({ id: 'models/gemini' }))).toEqual([{ id: 'gemini' }])
  })

  test('is read in Together’s form, without entries that have no name', async () => {
    const body = [JSON.stringify([{ id: 'a', type: 'chat' }, { object: 'model' }, { id: 'b', type: 'embedding' }])]
    expect(await listModels({ headers: json, body })).toEqual([
      { id: 'a', kind: 'chat' },
      { id: 'b', kind: 'embedding' },
    ])
  })

  const failures: readonly (readonly [string, Script, string])[] = [
    ['a refused key', { status: 401, headers: json, body: ['{}'] }, 'upstream_auth'],
    ['a limit', { status: 429, headers: json, body: ['{}'] }, 'rate_limit_exceeded'],
    ['a server without this path', { status: 404, headers: json, body: ['{}'] }, 'model_not_found'],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'upstream_redirect'],
    ['a web page', { headers: { 'content-type': 'text/html' }, body: ['<html></html>'] }, 'upstream_bad_response'],
    ['invalid JSON', { headers: json, body: ['{"data":['] }, 'upstream_bad_response'],
    ['another shape', { headers: json, body: ['{"object":"list"}'] }, 'upstream_bad_response'],
    ['models without a name', listOf({ object: 'model' }), 'upstream_bad_response'],
    ['a cut connection', { ...listOf({ id: 'a' }), ending: 'rst', endDelayMs: 150 }, 'upstream_disconnected'],
    ['a missing end', { headers: json, body: ['{"data":['], ending: 'fin', endDelayMs: 150 }, 'upstream_disconnected'],
    [
      'a list that is too long',
      { headers: json, body: Array(17).fill('x'.repeat(2 ** 20)) },
      'upstream_response_too_large',
    ],
  ]
  for (const [fault, script, code] of failures)
    test(`${fault} is ${code}`, async () => expect(await codeOf(listModels(script))).toBe(code))
})

describe('an address without a version', () => {
  const listedAt = async (path: string, listing?: Script) => {
    const emulator = await emulateOpenai(listing ? { listing } : {})
    const upstream = openaiCompatible({
      name: 'box',
      url: emulator.origin + path,
      accounts: [account],
      manyChoices: true,
    })
    const error = await errorOf(Promise.resolve(upstream.listModels?.(account, never)))
    await emulator.close()
    return { code: error?.code, message: error?.message, paths: emulator.requests.map((request) => request.path) }
  }

  test('is reported if it gives no list, and the message tells whether /v1 gives one', async () => {
    const { code, message, paths } = await listedAt('')
    expect(code).toBe('upstream_address')
    expect(message).toContain('/v1 is probably missing: there it lists its models.')
    expect(paths).toEqual(['/models', '/v1/models'])
    expect((await listedAt('/api')).message).toEndWith('/v1 is probably missing.')
  })

  test('an address with a version is not reported', async () => {
    expect(await listedAt('/v2')).toMatchObject({ code: 'not_found', paths: ['/v2/models'] })
  })
})

describe('an Azure address', () => {
  const azure = async (headers: Readonly<Record<string, string>> = {}) => {
    const emulator = await emulateHttp((exchange) => exchange.reply(200, JSON.stringify(whole), json))
    const url = `${emulator.origin}/openai/deployments/my%20gpt`
    const query = '?api-version=2024-10-21'
    const upstream = openaiCompatible({ name: 'az', url, query, headers, accounts: [account], manyChoices: false })
    for await (const _ of eventsOf(upstream.chat(aRequest, callWith(account))));
    const models = await upstream.listModels?.(account, never)
    await emulator.close()
    return { models, requests: emulator.requests }
  }
  const aRequest: ChatRequest = { ...question, dialect: 'openai-chat' }

  test('keeps its query, sends the key only as api-key, and has its deployment as its only model', async () => {
    const { models, requests } = await azure()
    expect(models).toEqual([{ id: 'my gpt' }])
    expect(requests.map(({ path }) => path)).toEqual([
      '/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21',
    ])
    expect(requests[0]?.headers.get('api-key')).toBe('key-of-the-tests')
    expect(requests[0]?.headers.has('authorization')).toBe(false)
  })

  test("the operator's headers replace those of the gateway", async () => {
    const { requests } = await azure({ 'api-key': 'key-of-the-operator', 'x-title': 'lab' })
    expect(requests[0]?.headers.get('api-key')).toBe('key-of-the-operator')
    expect(requests[0]?.headers.get('x-title')).toBe('lab')
  })
})

describe('a chat', () => {
  const request = (stream: boolean, dialect = 'openai-chat'): ChatRequest => ({ ...question, dialect, stream })
  const ask = async (chat: ChatRequest) => {
    const emulator = await emulateOpenai({ keys: ['key-of-the-tests'] })
    const events: ChatEvent[] = []
    for await (const event of eventsOf(upstreamOf(emulator).chat(chat, callWith(account)))) events.push(event)
    const [body] = emulator.chats
    const [sent] = emulator.requests
    await emulator.close()
    return { events, body, sent }
  }

  test('always requests the usage of a stream, with the key and no header of ours but x-tributary-hops', async () => {
    const { events, body, sent } = await ask(request(true))
    expect(body).toMatchObject({ model: 'gpt-test', stream: true, stream_options: { include_usage: true } })
    expect(events.at(-1)).toMatchObject({ type: 'usage', usage: { inputTokens: 7, source: 'upstream' } })
    expect(sent?.headers.get('authorization')).toBe('Bearer key-of-the-tests')
    const traces = [...(sent?.headers ?? [])].filter(([name]) => name.startsWith('x-') || name === 'cookie')
    expect(traces).toEqual([['x-tributary-hops', '1']])
  })

  test('requests a whole completion for a client of this dialect, and passes it on unchanged', async () => {
    const { events, body } = await ask(request(false))
    expect(body?.stream ?? false).toBe(false)
    expect(events[0]?.native).toMatchObject({ form: 'whole', value: { object: 'chat.completion' } })
  })

  test('requests a stream for a client of another dialect that wants a whole answer', async () => {
    expect((await ask(request(false, 'another'))).body).toMatchObject({ stream: true })
  })
})
