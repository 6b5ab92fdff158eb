import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { isFull } from '../../test/sizes.ts'
import { asChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import { machine, newCancel } from '../wire/machine.double.ts'
import { configuredStoreKeyOf } from './credential-store.ts'
import { LiveAccount } from './live-account.ts'
import { accountsOptions } from './pool.double.ts'
import { FakeStore, type Outcome, RenewalServiceDouble, storeFailure, type Token } from './renewal-service.double.ts'

type Step =
  | { readonly do: (typeof simple)[number] }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'answer'; readonly outcome: Outcome }

const simple = ['ask', 'ask', 'refuse', 'expire', 'leave', 'turn', 'break', 'mend', 'mend', 'evict'] as const
const outcome = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom<Outcome>('ok', 'ok', 'ok', 'failed', 'limited', 'cut', 'lost') },
  { weight: 1, arbitrary: fc.constant<Outcome>('dead') },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom(...simple) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.oneof(fc.nat(20_000), fc.nat(9_000_000)) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('answer' as const), outcome }) },
)

/** Everything that is due but waits for no timer. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** An account that many ask for at once, and whose service answers when the steps say so. */
class Life {
  now = 1_000_000
  readonly service = new RenewalServiceDouble(() => this.now)
  readonly store = new FakeStore({ runtime: machine })
  readonly session: LiveAccount<Token>
  readonly given: Token[] = []
  readonly failures: string[] = []
  readonly waiting: Promise<unknown>[] = []
  /** How often the service had been asked when it gave proof. */
  deadAfter: number | undefined
  #open: ((outcome: Outcome) => void) | undefined
  #client = newCancel()
  #isBroken = false
  readonly #key: string
  /** What was to be kept, also where the store failed. */
  readonly #tried = new Set<number>()

  constructor() {
    this.store.before = (_, value) => {
      this.#tried.add(JSON.parse(JSON.parse(value).credential).generation)
      if (this.#isBroken) throw storeFailure()
    }
    const options = accountsOptions({ store: this.store, now: () => this.now, random: () => 0.5 })
    const { renewal } = this.service
    const credential = this.service.token()
    this.#key = configuredStoreKeyOf('u', { credential, renewal })
    this.session = new LiveAccount({ label: 'a', credential, renewal }, { ...options, upstream: 'u' })
    const { renew } = renewal
    const held = (token: Token, signal: Cancel) => {
      this.service.meets(() => new Promise<Outcome>((resolve) => (this.#open = resolve)))
      return renew(token, signal)
    }
    Object.assign(renewal, { renew: held })
  }

  take(taken: Step): void {
    const { session } = this
    const newest = this.given.at(-1)
    if (taken.do === 'ask') this.#wait(async () => session.getCredential(this.#client))
    else if (taken.do === 'refuse' && newest) this.#wait(() => session.replaceCredential(newest, this.#client))
    else if (taken.do === 'expire' && newest) session.markExpired(newest)
    else if (taken.do === 'pass') this.now += taken.ms
    else if (taken.do === 'answer') this.#answer(taken.outcome)
    else if (taken.do === 'break') this.#isBroken = true
    else if (taken.do === 'mend') this.#isBroken = false
    else if (taken.do === 'evict') void this.store.delete(this.#key)
    else if (taken.do === 'leave') {
      this.#client.abort(new Error('left'))
      this.#client = newCancel()
    }
  }

  /** Answers whatever is still asked, and waits until nobody waits. */
  async end(): Promise<void> {
    this.#isBroken = false
    let isOver = false
    const over = Promise.all(this.waiting).finally(() => {
      isOver = true
    })
    for (; !isOver || this.session.isRenewing; await turn()) this.#answer('ok')
    await over
  }

  #answer(outcome: Outcome): void {
    if (outcome === 'dead' && this.#open) this.deadAfter ??= this.service.asked.length
    this.#open?.(outcome)
    this.#open = undefined
  }

  #wait(work: () => Promise<Token>): void {
    const took = work().then(
      (token) => {
        this.given.push(token)
        expect(token.generation === 0 || this.#tried.has(token.generation)).toBe(true)
      },
      (thrown: unknown) => void this.failures.push(asChatError(thrown).reason),
    )
    this.waiting.push(took)
  }
}

function isSorted(tokens: readonly Token[]): boolean {
  return tokens.every(({ generation }, at) => generation >= (tokens[at - 1]?.generation ?? 0))
}

test(
  'whatever happens in whatever order, an account is renewed by one, kept before it is used, and never goes back',
  () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120 }), async (steps) => {
        const life = new Life()
        for (const taken of steps) {
          life.take(taken)
          await turn()
        }
        await life.end()
        const { service, given, deadAfter, session, now } = life
        expect(service.most).toBeLessThanOrEqual(1)
        expect(isSorted(given)).toBe(true)
        expect(isSorted(service.asked)).toBe(true)
        if (deadAfter !== undefined) {
          expect(service.asked.length).toBe(deadAfter)
          expect(() => session.getCredential(newCancel())).toThrow('Already used')
          return
        }
        // nothing was proven, so it is as good as ever once the service is
        life.take({ do: 'ask' })
        await life.end()
        expect(life.given.at(-1)?.endsAt).toBeGreaterThan(now)
        expect(life.failures).not.toContain('login-needed')
      }),
      { numRuns: isFull ? 10_000 : 300 },
    ),
  120_000,
)
