import { afterEach, expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { AccountCall, Upstream } from '../providers/provider.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { machine } from '../wire/machine.double.ts'
import { aCall, aLog, answering, aRequest, chatOf, drain, finish, type LogLine, silence, text } from './chat.double.ts'
import { openLoneGateway } from './gateway.double.ts'
import type { Gateway } from './gateway.ts'

const opened: Gateway[] = []
afterEach(() => {
  for (const gateway of opened.splice(0)) gateway.close()
})

function setUp(upstreams: readonly Upstream[], { maxCalls = 10, silenceMs = 60_000 } = {}) {
  const lines: LogLine[] = []
  const deadlines = { firstEventMs: silenceMs, wholeMs: silenceMs, idleMs: silenceMs }
  const gateway = openLoneGateway({
    runtime: machine,
    upstreams,
    deadlines,
    store: new MemoryStore({ runtime: machine }),
    threadTtlMs: 60_000,
    maxCalls,
    log: aLog(lines),
  })
  opened.push(gateway)
  return {
    gateway,
    lines,
    ask: async (request: Partial<ChatRequest>) => {
      const call = aCall(undefined, lines)
      return { ...(await drain(gateway.chat({ ...aRequest, ...request }, call))), receipt: call.receipt }
    },
  }
}

function upstream(name: string, chat: Upstream['chat'], keys = 1): Upstream {
  return {
    name,
    accounts: Array.from({ length: keys }, (_, at) => ({ label: `${name}${at}`, credential: undefined })),
    support: { parameters: { choices: 'emulated' } },
    models: [{ id: 'model' }],
    chat,
  }
}

const failing = (reason: 'overloaded' | 'account-refused') => () =>
  answering(new ChatError(reason, { message: reason }))(aRequest, aCall())
const saying = (said: string) => () => answering(text(said), finish())(aRequest, aCall())

/** The usage that the gateway estimates if an upstream sends none: 7 tokens of `aRequest`, and those of the answer. */
const estimated = (outputTokens: number) => ({
  type: 'usage' as const,
  choice: 0,
  usage: { inputTokens: 7, outputTokens, totalTokens: 7 + outputTokens, source: 'estimate' as const },
})

test('a request has the upstream’s own name of the model and one account, and is logged once', async () => {
  const seen: unknown[] = []
  const { ask, lines } = setUp([
    upstream('a', (request, { account }) => {
      seen.push(request.model, account.label)
      return saying('hello')()
    }),
  ])
  const { events, receipt } = await ask({ model: 'a/model' })
  expect(events).toEqual([text('hello'), finish(), estimated(1)])
  expect(seen).toEqual(['model', 'a0'])
  expect(receipt).toMatchObject({ upstream: 'a', attempts: 1 })
  expect(lines.filter(({ message }) => message === 'chat')).toMatchObject([
    { fields: { outcome: 'ok', model: 'a/model' } },
  ])
})

test('an unknown model is a 404 for the client, with the name of the parameter', async () => {
  const { ask } = setUp([upstream('a', saying('hello'))])
  expect((await ask({ model: 'none' })).thrown).toMatchObject({ reason: 'model-not-found', param: 'model' })
})

test('P21: other accounts, then other upstreams replace those that fail', async () => {
  const { ask } = setUp([upstream('a', failing('account-refused')), upstream('b', saying('b'))])
  for (let at = 0; at < 4; at++)
    expect((await ask({ model: 'model' })).events).toEqual([text('b'), finish(), estimated(1)])
})

test('P5: the deadline ends a call to a silent upstream', async () => {
  const { ask } = setUp(
    [
      upstream(
        'a',
        chatOf(async function* (_request, { signal }) {
          await silence(signal)
          yield finish()
        }),
      ),
    ],
    { silenceMs: 50 },
  )
  const { thrown, receipt } = await ask({ model: 'a/model' })
  expect(thrown).toMatchObject({ reason: 'timeout' })
  expect(receipt.attempts).toBe(1)
})

test('several answers of one request count as one call', async () => {
  const { ask } = setUp([upstream('a', saying('x'))], { maxCalls: 1 })
  const { events } = await ask({ model: 'a/model', parameters: { choices: 3 } })
  expect(events.filter(({ type }) => type === 'finish')).toHaveLength(3)
})

test('inspect shows the current accounts, budgets, models and calls', async () => {
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const slow = upstream(
    'slow',
    chatOf(async function* () {
      yield text('a')
      begun.resolve()
      await end.promise
      yield finish()
    }),
  )
  const limited = upstream('limited', failing('account-refused'), 2)
  const { gateway, ask } = setUp([
    { ...slow, provider: 'openai-compatible', baseUrl: 'https://models.example:8443/v1' },
    { ...limited, address: 'https://service.example/api', models: [{ id: 'm' }, { id: 'n' }] },
  ])
  const running = ask({ model: 'slow/model' })
  await Promise.all([begun.promise, ask({ model: 'limited/m' })])
  const counts = { requests: expect.any(Number), failed: expect.any(Number), lastSuccessAt: undefined }
  const stats = { ...counts, firstEventMs: undefined, minutes: expect.any(Array) }
  const untroubled = { trouble: undefined }
  const models = { isKnown: true, isFixed: true, ageMs: undefined, ...untroubled }
  const refused = { kind: 'refused' as const, until: expect.any(Number), why: 'upstream_auth' }
  expect(gateway.inspect()).toEqual({
    calls: { running: 1, permits: 10, waiting: 0 },
    available: [],
    upstreams: [
      {
        name: 'slow',
        provider: 'openai-compatible',
        address: 'https://models.example:8443/v1',
        host: 'models.example:8443',
        accounts: [
          {
            label: 'slow0',
            state: { kind: 'ok' },
            variable: undefined,
            source: 'environment',
            stats: { ...counts, requests: 0 },
          },
        ],
        ...{ credential: undefined, terms: undefined, isWebProduct: false },
        stats: { ...stats, requests: 0 },
        runningCalls: 1,
        retryBudget: { left: expect.any(Number), max: 20 },
        drift: [],
        usedUp: undefined,
        health: {
          state: 'good',
          ejectedForMs: 0,
          models: [],
          ...untroubled,
          outdated: undefined,
          isUnreachable: false,
        },
        models: { ...models, count: 1 },
      },
      {
        name: 'limited',
        provider: undefined,
        address: 'https://service.example/api',
        host: 'service.example',
        accounts: ['limited0', 'limited1'].map((label) => ({
          ...{ label, state: refused, said: expect.any(String), variable: undefined, source: 'environment' as const },
          stats: { ...counts, requests: 1, failed: 1 },
        })),
        ...{ credential: undefined, terms: undefined, isWebProduct: false },
        stats: { ...stats, requests: 2, failed: 2 },
        runningCalls: 0,
        retryBudget: { left: expect.any(Number), max: 20 },
        drift: [],
        usedUp: undefined,
        health: {
          state: 'good',
          ejectedForMs: 0,
          models: [],
          ...untroubled,
          outdated: undefined,
          isUnreachable: false,
        },
        models: { ...models, count: 2 },
      },
    ],
  })
  end.resolve()
  await running
  expect(gateway.inspect()).toMatchObject({ calls: { running: 0 }, upstreams: [{ runningCalls: 0 }, {}] })
})

test('inspect makes no request: the models of an upstream are unknown before its first list', async () => {
  const listed = { ...upstream('a', saying('x')), listModels: async () => [{ id: 'm' }, { id: 'n' }] }
  const { models: _, ...asked } = listed
  const unknown = { ageMs: undefined, trouble: undefined }
  const { gateway } = setUp([asked])
  expect(gateway.inspect().upstreams[0]?.models).toEqual({ count: 0, isKnown: false, isFixed: false, ...unknown })
  await gateway.catalog.list(aCall().signal)
  const [now] = gateway.inspect().upstreams
  expect(now?.models).toEqual({ count: 2, isKnown: true, isFixed: false, ...unknown, ageMs: expect.any(Number) })
})

test('an added account serves the next call, and a removed account finishes its running call', async () => {
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const { gateway, ask } = setUp([
    upstream(
      'a',
      chatOf<AccountCall>(async function* (_request, { account }) {
        yield text(account.label)
        begun.resolve()
        await end.promise
        yield finish()
      }),
    ),
  ])
  const running = ask({ model: 'a/model' })
  await begun.promise
  expect([gateway.pool('a')?.remove('a0'), gateway.pool('none')]).toEqual([true, undefined])
  expect((await ask({ model: 'a/model' })).thrown).toMatchObject({ code: 'no_account' })
  gateway.pool('a')?.add({ label: 'ADDED', credential: undefined })
  end.resolve()
  expect((await ask({ model: 'a/model' })).events).toContainEqual(text('ADDED'))
  expect((await running).events).toEqual([text('a0'), finish(), expect.anything()])
})
