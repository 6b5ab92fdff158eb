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

/** Runs everything that is due without a timer. */
const runPending = () => new Promise<void>((resolve) => setImmediate(resolve))

/** An account that many calls use at once. The steps decide when its service answers. */
class AccountLife {
  now = 1_000_000
  readonly service = new RenewalServiceDouble(() => this.now)
  readonly store = new FakeStore({ runtime: machine })
  readonly session: LiveAccount<Token>
  readonly given: Token[] = []
  readonly failures: string[] = []
  readonly waiting: Promise<unknown>[] = []
  /** The number of requests to the service until it refused the account for good. */
  deadAfter: number | undefined
  #open: ((outcome: Outcome) => void) | undefined
  #client = newCancel()
  #isBroken = false
  readonly #key: string
  /** The generations that should have been stored, also if the store failed. */
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
    const heldRenewal = (token: Token, signal: Cancel) => {
      this.service.setOutcomes(() => new Promise<Outcome>((resolve) => (this.#open = resolve)))
      return renew(token, signal)
    }
    Object.assign(renewal, { renew: heldRenewal })
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

  /** Answers all open requests, and waits until no call waits. */
  async end(): Promise<void> {
    this.#isBroken = false
    let hasEnded = false
    const ended = Promise.all(this.waiting).finally(() => {
      hasEnded = true
    })
    for (; !hasEnded || this.session.isRenewing; await runPending()) this.#answer('ok')
    await ended
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
  'in any order of events one renewal runs at a time, a token is stored before its use, and no older one follows',
  () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120 }), async (steps) => {
        const account = new AccountLife()
        for (const taken of steps) {
          account.take(taken)
          await runPending()
        }
        await account.end()
        const { service, given, deadAfter, session, now } = account
        expect(service.most).toBeLessThanOrEqual(1)
        expect(isSorted(given)).toBe(true)
        expect(isSorted(service.asked)).toBe(true)
        if (deadAfter !== undefined) {
          expect(service.asked.length).toBe(deadAfter)
          expect(() => session.getCredential(newCancel())).toThrow('Already used')
          return
        }
        // the service has not refused the account for good, so the account works again when the service works
        account.take({ do: 'ask' })
        await account.end()
        expect(account.given.at(-1)?.endsAt).toBeGreaterThan(now)
        expect(account.failures).not.toContain('login-needed')
      }),
      { numRuns: isFull ? 10_000 : 300 },
    ),
  120_000,
)
