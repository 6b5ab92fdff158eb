import { expect, test } from 'bun:test'
import { times } from '../../test/sizes.ts'
import type { Part } from '../chat/message.ts'
import { seeded } from '../flow/seeded.double.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { Store } from '../state/store.ts'
import { machineWith, newCancel } from '../wire/machine.double.ts'
import { Conversations } from './conversations.ts'
import { faultIn } from './fault-in.ts'
import type { OpenTurn } from './open-turn.ts'
import type { SessionKey } from './session-key.ts'
import { contentOf } from './stored-message.ts'

/** Longer than any lease of a program that has ended. */
const leaseMs = 16 * 60_000

/** A program with its own connection to the store. After its end its requests to the store never return. */
class Replica {
  readonly conversations: Conversations
  hasEnded = false
  #endAtWrite = -1

  constructor(store: Store, now: () => number) {
    const endingStore = new Proxy(store, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name)
        if (typeof found !== 'function') return found
        return async (...args: unknown[]) => {
          if (this.hasEnded) return new Promise(() => undefined)
          const isWrite = name === 'compareAndSet' || name === 'put'
          if (isWrite && this.#endAtWrite-- === 0) this.hasEnded = true
          // the program ends after the write, before it gets the result
          const outcome: unknown = await found.apply(target, args)
          return this.hasEnded ? new Promise(() => undefined) : outcome
        }
      },
    })
    this.conversations = new Conversations({
      runtime: machineWith({ now }),
      store: endingStore,
      ttlMs: 30 * 86_400_000,
    })
  }

  /** Ends the program now, or during its next write after `writes` others. */
  end(writes?: number): void {
    if (writes === undefined) this.hasEnded = true
    else this.#endAtWrite = writes
  }
}

interface Sent {
  readonly sessionKey: SessionKey
  readonly word: string
}

/** Records what was sent and what was acknowledged, to compare it with what is stored. */
class Ledger {
  readonly sent: Sent[] = []
  readonly kept: Sent[] = []
  readonly answers = new Map<string, string>()
  #words = 0

  word(sessionKey: SessionKey): Sent {
    const sent = { sessionKey, word: `w${++this.#words}` }
    this.sent.push(sent)
    return sent
  }
}

type Fate = 'completed' | 'failed' | 'cancelled' | 'disconnect'

interface Plan {
  readonly sessionKey: SessionKey
  readonly requestId: string
  readonly wait: boolean
  readonly rounds: number
  readonly fate: Fate
  /** The question. A request that is sent again has the question of its first try. */
  readonly question: Sent
}

/** One request as a surface makes it. Each step ends at a `yield`, and anything may happen between two steps. */
async function* request({ conversations }: Replica, plan: Plan, ledger: Ledger): AsyncGenerator<undefined> {
  const { sessionKey, requestId, wait, question } = plan
  const opened = await conversations
    .open(sessionKey, { requestId, model: 'm', content: question.word }, { wait, signal: newCancel() })
    .catch((thrown: unknown) => {
      expect(thrown).toMatchObject({ reason: 'conflict' })
    })
  if (!opened) return
  if (opened.kind === 'answered') {
    // a program that ended before the write returned did not record the answer
    const known =
      ledger.answers.get(requestId) ?? ledger.sent.find(({ word }) => word === contentOf(opened.answer))?.word
    expect(contentOf(opened.answer)).toBe(known ?? 'one that was said')
    return
  }
  const { turn } = opened
  if (!ledger.kept.includes(question)) ledger.kept.push(question)
  yield
  try {
    yield* answer(turn, plan, ledger)
  } catch (thrown) {
    // another replica has taken the session over
    expect(thrown).toMatchObject({ reason: 'conflict' })
  } finally {
    await turn.close().catch((thrown: unknown) => void expect(thrown).toMatchObject({ reason: 'conflict' }))
  }
}

const textPart = (text: string): Part => ({ type: 'text', text })
const callPart = (id: string): Part => ({ type: 'tool-call', id, name: 't', arguments: '{}' })

async function* answer(
  turn: OpenTurn,
  { sessionKey, requestId, rounds, fate }: Plan,
  ledger: Ledger,
): AsyncGenerator<undefined> {
  const keep = async (write: (word: string) => Promise<unknown>) => {
    const sent = ledger.word(sessionKey)
    await write(sent.word)
    ledger.kept.push(sent)
    return sent
  }
  for (let round = 0; round < rounds; round++) {
    expect(faultIn(turn.messages())).toBeUndefined()
    const ids = [`${requestId}.${ledger.sent.length}.a`, `${requestId}.${ledger.sent.length}.b`]
    await keep((text) => turn.addCalls({ message: { content: [textPart(text), ...ids.map(callPart)] } }))
    yield
    // an interrupted turn ends with a call that has no result
    const isLast = fate !== 'completed' && round === rounds - 1
    for (const toolCallId of isLast ? ids.slice(1) : ids.toReversed()) {
      await keep((content) =>
        turn.addResult({ toolCallId, name: 't', content, isError: false, full: `${content} whole` }),
      )
      yield
    }
  }
  if (fate === 'disconnect') return
  const sent = await keep((text) => turn.end(fate, { message: { content: [textPart(text)] } }))
  if (fate === 'completed') ledger.answers.set(requestId, sent.word)
}

async function runTrial(seed: number): Promise<void> {
  const random = seeded(seed)
  const below = (count: number) => Math.floor(random() * count)
  const clock = { ms: Date.UTC(2026, 0, 1) }
  const now = () => clock.ms
  const store = new MemoryStore({ runtime: { now } })
  const ledger = new Ledger()
  const isReplicated = random() < 0.3
  let replicas = Array.from({ length: isReplicated ? 2 : 1 }, () => new Replica(store, now))
  const sessions = ['alice', 'bob'].flatMap((client) => ['s1', 's2'].map((session) => ({ client, session })))
  const plans: Plan[] = []
  let running: { readonly replica: Replica; readonly steps: AsyncGenerator<undefined>; isBusy: boolean }[] = []

  const failures: unknown[] = []
  const send = () => {
    const again = random() < 0.35 ? plans[below(plans.length)] : undefined
    const sessionKey = again?.sessionKey ?? sessions[below(sessions.length)] ?? { client: 'alice', session: 's1' }
    const fates: Fate[] = ['completed', 'completed', 'completed', 'failed', 'cancelled', 'disconnect']
    const plan = {
      sessionKey,
      requestId: again?.requestId ?? `r${plans.length}`,
      question: again?.question ?? ledger.word(sessionKey),
      // with several replicas no request waits, because a replica would poll for another one's answer in real time
      wait: !isReplicated && random() < 0.5,
      rounds: below(3),
      fate: fates[below(fates.length)] ?? 'completed',
    }
    plans.push(plan)
    const replica = replicas[below(replicas.length)]
    if (replica) running.push({ replica, steps: request(replica, plan, ledger), isBusy: false })
  }
  const crash = () => {
    const replica = replicas[below(replicas.length)]
    replica?.end(random() < 0.5 ? undefined : below(3))
  }
  const restartEnded = () => {
    if (!replicas.some(({ hasEnded }) => hasEnded)) return
    running = running.filter(({ replica }) => !replica.hasEnded)
    replicas = replicas.map((replica) => (replica.hasEnded ? new Replica(store, now) : replica))
    // the turns of a replica that lives on lose their leases too, so others may take over
    clock.ms += leaseMs
  }
  const runPending = () => Bun.sleep(0)
  for (let at = 0; at < 40; at++) {
    const dice = random()
    if (running.length === 0 || dice < 0.25) send()
    else if (dice < 0.29) crash()
    const idle = running.filter(({ isBusy }) => !isBusy)
    const next = idle[below(idle.length)]
    if (next) {
      next.isBusy = true
      next.steps.next().then(
        ({ done }) => {
          next.isBusy = false
          if (done) running = running.filter((other) => other !== next)
        },
        (thrown) => failures.push(thrown),
      )
    }
    // sometimes several requests continue before any has finished its step
    if (random() < 0.7) await runPending()
    restartEnded()
  }
  await runPending()
  if (failures.length > 0) throw failures[0]
  // everything that still runs is interrupted
  for (const replica of replicas) replica.end()
  clock.ms += leaseMs
  await check(new Replica(store, now).conversations, sessions, ledger)
}

async function check(conversations: Conversations, sessions: readonly SessionKey[], ledger: Ledger): Promise<void> {
  for (const sessionKey of sessions) {
    const of = (sent: readonly Sent[]) => sent.filter((one) => one.sessionKey === sessionKey).map(({ word }) => word)
    const kept = (await conversations.messages(sessionKey, 10_000)) ?? []
    const words = kept.map(contentOf).filter((content) => /^w\d+$/.test(content))
    // no word is stored twice, every stored word was sent here, and the acknowledged words are in their order
    expect(new Set(words).size).toBe(words.length)
    expect(of(ledger.sent)).toEqual(expect.arrayContaining(words))
    const acknowledged = of(ledger.kept)
    expect(words.filter((word) => acknowledged.includes(word))).toEqual(acknowledged)
    expect(new Set(kept.map(({ id }) => id)).size).toBe(kept.length)
    for (const message of kept)
      if (message.role === 'tool' && message.hasFull)
        expect(await conversations.fullResult(sessionKey, message.id)).toBe(`${message.content} whole`)
    const opened = await conversations.open(
      sessionKey,
      { model: 'm', content: 'and now?' },
      { wait: false, signal: newCancel() },
    )
    if (opened.kind === 'answered') throw new Error('a new request has no answer')
    expect(faultIn(opened.turn.messages())).toBeUndefined()
    await opened.turn.close()
  }
}

test('1,000 interleavings of send, abort, retry, disconnect and crash lose nothing and double nothing', async () => {
  const trialCount = times(300, 10_000)
  for (let seed = 1; seed <= trialCount; seed++) {
    try {
      await runTrial(seed)
    } catch (thrown) {
      throw new Error(`seed ${seed}: ${thrown instanceof Error ? thrown.message : thrown}`, { cause: thrown })
    }
  }
}, 120_000)
