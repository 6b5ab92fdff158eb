import { expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Chat } from '../flow/chat.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import type { Upstream } from '../providers/provider.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { aCall, aLog, aRequest, chatOf, drain, finish, text } from './chat.double.ts'
import { tryInOrder } from './combine/try-in-order.ts'
import { openLoneGateway } from './gateway.double.ts'
import { retry } from './layers/retry.ts'
import { RetryBudget } from './layers/retry-budget.ts'

/** Three upstreams of one route, each only asked after those before it. */
const names = ['a', 'b', 'c'] as const
const seconds = Bun.env.TRIBUTARY_TEST_FULL ? 60 : 3
const calls = seconds * 1_000

function openRoute(runtime: ManualRuntime, chatOfUpstream: (name: string) => Upstream['chat']) {
  return openLoneGateway({
    runtime,
    upstreams: names.map((name) => ({
      name,
      accounts: [{ label: name, credential: undefined }],
      support: { parameters: {} },
      models: [{ id: 'm' }],
      chat: chatOfUpstream(name),
    })),
    routes: [
      {
        name: 'route',
        tree: { kind: 'failover', members: names.map((name) => ({ kind: 'model', name: `${name}/m` })) },
      },
    ],
    deadlines: { firstEventMs: 60_000, wholeMs: 60_000, idleMs: 60_000 },
    store: new MemoryStore({ runtime }),
    threadTtlMs: 60_000,
    maxCalls: 10_000,
    log: aLog([]),
  })
}

/** An upstream that gives these events. If one of them is an error, it throws it there. */
function giving(...script: readonly (ChatEvent | Error)[]): Upstream['chat'] {
  return chatOf(async function* () {
    for (const event of script) {
      if (event instanceof Error) throw event
      yield event
    }
  })
}

/** Sends 1,000 requests a second. */
async function overload(chat: Chat, runtime: ManualRuntime): Promise<void> {
  const running: Promise<unknown>[] = []
  const request = { ...aRequest, model: 'route' }
  for (let sent = 0; sent < calls; sent += 50) {
    for (let call = 0; call < 50; call++) running.push(drain(chat(request, aCall(new CancelSource(runtime)))))
    await runtime.advance(50)
  }
  await runtime.advance(1_000)
  await Promise.all(running)
}

test('P7: even without a breaker, upstreams that are down get at most a fifth more requests, and ten a second', async () => {
  for (const count of [1, 3]) {
    const runtime = new ManualRuntime()
    let asked = 0
    const down: Chat = (_request, call) => {
      asked++
      call.attempts.spend()
      throw new ChatError('overloaded', { message: '' })
    }
    const chats = Array.from({ length: count }, () => retry(new RetryBudget(runtime))(down))
    const [first = down, ...others] = chats
    await overload((request, call) => {
      const opening = (chat: Chat) => () => chat(request, call)
      return tryInOrder([opening(first), ...others.map(opening)], call)
    }, runtime)
    // a new budget holds ten
    expect(asked).toBeWithin(calls * 1.19, calls * 1.2 + count * (10 * (seconds + 1) + 10) + 1)
  }
})

test('P7: with the breaker, upstreams that are down get a handful of requests', async () => {
  const runtime = new ManualRuntime()
  const asked: string[] = []
  const gateway = openRoute(runtime, (name) => (request, call) => {
    asked.push(name)
    return giving(new ChatError('overloaded', { message: '' }))(request, call)
  })
  await overload(gateway.chat, runtime)
  // 50 requests are sent at the same moment
  expect(asked.length).toBeLessThan(200)
  gateway.close()
})

test('P8: after an event was shown, an answer that breaks off is not begun anew at a fallback', async () => {
  for (let shown = 0; shown <= 20; shown++) {
    const runtime = new ManualRuntime()
    const asked: string[] = []
    const words = Array.from({ length: shown }, (_, at) => text(`${at} `))
    const cut = new ChatError('upstream-failed', { message: 'cut', code: 'upstream_disconnected' })
    const gateway = openRoute(runtime, (name) => (request, call) => {
      asked.push(name)
      return (name === 'a' ? giving(...words, cut) : giving(text('whole'), finish()))(request, call)
    })
    const request = { ...aRequest, model: 'route', wishes: { continue: false } }
    const read = drain(gateway.chat(request, aCall(new CancelSource(runtime))))
    await runtime.advance(1_000)
    const { events, thrown } = await read
    const texts = events.filter(({ type }) => type === 'text')
    if (shown === 0) expect([texts, thrown, asked]).toEqual([[text('whole')], undefined, ['a', 'a', 'b']])
    else expect([texts, thrown, asked]).toMatchObject([words, { code: 'upstream_disconnected' }, ['a']])
    gateway.close()
  }
})
