import { afterEach, expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { Upstream } from '../providers/provider.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { aCall, aLog, answering, aRequest, drain, finish, type Line, silence, text } from './fake-chat.ts'
import { type Gateway, openGateway } from './gateway.ts'

const opened: Gateway[] = []
afterEach(() => {
  for (const gateway of opened.splice(0)) gateway.close()
})

function given(upstreams: readonly Upstream[], maxCalls = 10) {
  const lines: Line[] = []
  const deadlines = { firstEventMs: 50, wholeMs: 50, idleMs: 50 }
  const gateway = openGateway({
    upstreams,
    deadlines,
    store: new MemoryStore(),
    threadTtlMs: 60_000,
    maxCalls,
    log: aLog(lines),
  })
  opened.push(gateway)
  return {
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

/** What the gateway counts where an upstream says nothing: 7 tokens of `aRequest`, and the answer's. */
const estimated = (outputTokens: number) => ({
  type: 'usage' as const,
  choice: 0,
  usage: { inputTokens: 7, outputTokens, totalTokens: 7 + outputTokens, source: 'estimate' as const },
})

test('a request arrives under its upstream’s own name of the model, with one account, and is one line', async () => {
  const seen: unknown[] = []
  const { ask, lines } = given([
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

test('a model nobody has is the client’s 404, naming the parameter', async () => {
  const { ask } = given([upstream('a', saying('hello'))])
  expect((await ask({ model: 'none' })).thrown).toMatchObject({ reason: 'model-not-found', param: 'model' })
})

test('P21: other accounts, then other upstreams stand in for those that fail', async () => {
  const { ask } = given([upstream('a', failing('account-refused')), upstream('b', saying('b'))])
  for (let at = 0; at < 4; at++)
    expect((await ask({ model: 'model' })).events).toEqual([text('b'), finish(), estimated(1)])
})

test('P5: an upstream that falls silent is ended by the deadline', async () => {
  const { ask } = given([
    upstream('a', async function* (_request, { signal }) {
      await silence(signal)
      yield finish()
    }),
  ])
  const { thrown, receipt } = await ask({ model: 'a/model' })
  expect(thrown).toMatchObject({ reason: 'timeout' })
  expect(receipt.attempts).toBe(1)
})

test('several answers side by side are asked for under one limit of calls', async () => {
  const { ask } = given([upstream('a', saying('x'))], 1)
  const { events } = await ask({ model: 'a/model', parameters: { choices: 3 } })
  expect(events.filter(({ type }) => type === 'finish')).toHaveLength(3)
})
