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

/** More than this the leases of a program that is gone do not last. */
const leaseMs = 16 * 60_000

/** A program with its own view of the store. Once it is dead it waits for ever for whatever it asks, as a process that is gone. */
class Replica {
  readonly conversations: Conversations
  isDead = false
  #dieAtWrite = -1

  constructor(store: Store, now: () => number) {
    const mortal = new Proxy(store, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name)
        if (typeof found !== 'function') return found
        return async (...args: unknown[]) => {
          if (this.isDead) return new Promise(() => undefined)
          const isWrite = name === 'compareAndSet' || name === 'put'
          if (isWrite && this.#dieAtWrite-- === 0) this.isDead = true
          // it is gone after the write, before it hears of it
          const outcome: unknown = await found.apply(target, args)
          return this.isDead ? new Promise(() => undefined) : outcome
        }
      },
    })
    this.conversations = new Conversations({ runtime: machineWith({ now }), store: mortal, ttlMs: 30 * 86_400_000 })
  }

  /** It dies now, or in the middle of its next write but `writes`. */
  kill(writes?: number): void {
    if (writes === undefined) this.isDead = true
    else this.#dieAtWrite = writes
  }
}

interface Sent {
  readonly whose: SessionKey
  readonly word: string
}

/** What was asked for and what was acknowledged, to be compared with what is kept. */
class Ledger {
  readonly sent: Sent[] = []
  readonly kept: Sent[] = []
  readonly answers = new Map<string, string>()
  #words = 0

  word(whose: SessionKey): Sent {
    const sent = { whose, word: `w${++this.#words}` }
    this.sent.push(sent)
    return sent
  }
}

type Fate = 'completed' | 'failed' | 'cancelled' | 'disconnect'

interface Plan {
  readonly whose: SessionKey
  readonly requestId: string
  readonly wait: boolean
  readonly rounds: number
  readonly fate: Fate
  /** Of the first try, where this is another. */
  readonly question: Sent
}

/** One request as a surface makes it: a step is a promise, and between two of them anything may happen. */
async function* request({ conversations }: Replica, plan: Plan, ledger: Ledger): AsyncGenerator<undefined> {
  const { whose, requestId, wait, question } = plan
  const opened = await conversations
    .open(whose, { requestId, model: 'm', content: question.word }, { wait, signal: newCancel() })
    .catch((thrown: unknown) => {
      expect(thrown).toMatchObject({ reason: 'conflict' })
    })
  if (!opened) return
  if (opened.kind === 'answered') {
    // where the program was gone before it heard that the answer is kept, this is the first to hear of it
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
    // another replica has taken over
    expect(thrown).toMatchObject({ reason: 'conflict' })
  } finally {
    await turn.close().catch((thrown: unknown) => void expect(thrown).toMatchObject({ reason: 'conflict' }))
  }
}

const textPart = (text: string): Part => ({ type: 'text', text })
const callPart = (id: string): Part => ({ type: 'tool-call', id, name: 't', arguments: '{}' })

async function* answer(
  turn: OpenTurn,
  { whose, requestId, rounds, fate }: Plan,
  ledger: Ledger,
): AsyncGenerator<undefined> {
  const keep = async (write: (word: string) => Promise<unknown>) => {
    const sent = ledger.word(whose)
    await write(sent.word)
    ledger.kept.push(sent)
    return sent
  }
  for (let round = 0; round < rounds; round++) {
    expect(faultIn(turn.messages())).toBeUndefined()
    const ids = [`${requestId}.${ledger.sent.length}.a`, `${requestId}.${ledger.sent.length}.b`]
    await keep((text) => turn.called({ message: { content: [textPart(text), ...ids.map(callPart)] } }))
    yield
    // a turn that breaks off does so with a call on its way
    const isLast = fate !== 'completed' && round === rounds - 1
    for (const toolCallId of isLast ? ids.slice(1) : ids.toReversed()) {
      await keep((content) => turn.result({ toolCallId, name: 't', content, isError: false, full: `${content} whole` }))
      yield
    }
  }
  if (fate === 'disconnect') return
  const sent = await keep((text) => turn.end(fate, { message: { content: [textPart(text)] } }))
  if (fate === 'completed') ledger.answers.set(requestId, sent.word)
}

async function trial(seed: number): Promise<void> {
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
    const whose = again?.whose ?? sessions[below(sessions.length)] ?? { client: 'alice', session: 's1' }
    const fates: Fate[] = ['completed', 'completed', 'completed', 'failed', 'cancelled', 'disconnect']
    const plan = {
      whose,
      requestId: again?.requestId ?? `r${plans.length}`,
      question: again?.question ?? ledger.word(whose),
      // replicas would look for each other’s end in real time
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
    replica?.kill(random() < 0.5 ? undefined : below(3))
  }
  const bury = () => {
    if (!replicas.some(({ isDead }) => isDead)) return
    running = running.filter(({ replica }) => !replica.isDead)
    replicas = replicas.map((replica) => (replica.isDead ? new Replica(store, now) : replica))
    // with one that lives on, its turns then outlast their leases: others may take over
    clock.ms += leaseMs
  }
  const settle = () => Bun.sleep(0)
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
    // sometimes several go on before any is done
    if (random() < 0.7) await settle()
    bury()
  }
  await settle()
  if (failures.length > 0) throw failures[0]
  // whatever still runs is left in the middle
  for (const replica of replicas) replica.kill()
  clock.ms += leaseMs
  await check(new Replica(store, now).conversations, sessions, ledger)
}

async function check(conversations: Conversations, sessions: readonly SessionKey[], ledger: Ledger): Promise<void> {
  for (const whose of sessions) {
    const of = (sent: readonly Sent[]) => sent.filter((one) => one.whose === whose).map(({ word }) => word)
    const kept = (await conversations.messages(whose, 10_000)) ?? []
    const words = kept.map(contentOf).filter((content) => /^w\d+$/.test(content))
    // nothing twice, nothing that was not said here, all that was acknowledged, and that in its order
    expect(new Set(words).size).toBe(words.length)
    expect(of(ledger.sent)).toEqual(expect.arrayContaining(words))
    const acknowledged = of(ledger.kept)
    expect(words.filter((word) => acknowledged.includes(word))).toEqual(acknowledged)
    expect(new Set(kept.map(({ id }) => id)).size).toBe(kept.length)
    for (const message of kept)
      if (message.role === 'tool' && message.hasFull)
        expect(await conversations.fullResult(whose, message.id)).toBe(`${message.content} whole`)
    const opened = await conversations.open(
      whose,
      { model: 'm', content: 'and now?' },
      { wait: false, signal: newCancel() },
    )
    if (opened.kind === 'answered') throw new Error('a new request has no answer')
    expect(faultIn(opened.turn.messages())).toBeUndefined()
    await opened.turn.close()
  }
}

test('1,000 interleavings of send, abort, retry, disconnect and crash lose nothing and double nothing', async () => {
  const trials = times(300, 10_000)
  for (let seed = 1; seed <= trials; seed++) {
    try {
      await trial(seed)
    } catch (thrown) {
      throw new Error(`seed ${seed}: ${thrown instanceof Error ? thrown.message : thrown}`, { cause: thrown })
    }
  }
}, 120_000)
