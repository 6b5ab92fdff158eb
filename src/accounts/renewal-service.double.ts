import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { Store } from '../state/store.ts'
import type { KeepCredential, Renewal } from './account.ts'

/** A credential of the double. */
export interface Token {
  /** How often it was renewed since its sign-in. */
  readonly generation: number
  /** Milliseconds by the test's clock. */
  readonly endsAt: number
}

/**
 * The outcome of one renewal. `lost`: the service renewed the token, but the reply was cut. `halfway`: the service
 * gave an intermediate token, and then failed.
 */
export type Outcome = 'ok' | 'halfway' | 'failed' | 'limited' | 'cut' | 'lost' | 'dead'

const lastsMs = 3_600_000
export const aheadMs = 90_000

/** A service that renews a token, and renews it again until the new token is used. */
export class RenewalServiceDouble {
  readonly renewal: Renewal<Token>
  /** The tokens that were sent, in order. */
  readonly asked: Token[] = []
  /** The most requests that ran at the same time. */
  most = 0
  /** Milliseconds that tokens last. */
  lastsMs = lastsMs
  readonly #now: () => number
  readonly #outcomes: (Outcome | (() => Promise<Outcome>))[] = []
  #running = 0
  #newest = 0

  constructor(now: () => number) {
    this.#now = now
    this.renewal = {
      expiresAt: ({ endsAt }) => endsAt,
      aheadMs,
      renew: (token, signal, keep) => this.#renew(token, signal, keep),
      encode: (token) => JSON.stringify(token),
      decode: (text) => (text.startsWith('{') ? JSON.parse(text) : undefined),
    }
  }

  /** Sets the outcomes of the next renewals. Later renewals succeed. */
  setOutcomes(...outcomes: readonly (Outcome | (() => Promise<Outcome>))[]): void {
    this.#outcomes.push(...outcomes)
  }

  /** Forgets the outcomes that were set. */
  clearOutcomes(): void {
    this.#outcomes.length = 0
  }

  token(generation = 0, leftMs = this.lastsMs): Token {
    return { generation, endsAt: this.#now() + leftMs }
  }

  async #renew(token: Token, signal: Cancel, keep?: KeepCredential<Token>): Promise<Token> {
    this.asked.push(token)
    this.most = Math.max(this.most, ++this.#running)
    try {
      const outcome = this.#outcomes.shift() ?? 'ok'
      const outcomeOfCall = typeof outcome === 'string' ? outcome : await orAborted(outcome(), signal)
      if (outcomeOfCall === 'halfway') await keep?.(this.token(token.generation + 1, 0))
      return this.#answer(token, outcomeOfCall)
    } finally {
      this.#running--
    }
  }

  #answer({ generation }: Token, outcome: Outcome): Token {
    if (outcome === 'failed') throw new ChatError('upstream-failed', { message: 'HTTP 500', upstreamStatus: 500 })
    if (outcome === 'limited') throw new ChatError('rate-limited', { message: 'HTTP 429', retryAfterMs: 60_000 })
    if (outcome === 'cut') throw new ChatError('upstream-failed', { message: 'cut' })
    const isOld = generation < this.#newest - 1
    if (outcome === 'dead' || isOld) throw new ChatError('login-needed', { message: 'Already used' })
    this.#newest = generation + 1
    if (outcome === 'halfway') throw new ChatError('upstream-failed', { message: 'HTTP 500', upstreamStatus: 500 })
    if (outcome === 'lost') throw new ChatError('upstream-failed', { message: 'cut' })
    return this.token(this.#newest)
  }
}

async function orAborted<T>(promise: Promise<T>, signal: Cancel): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  signal.onAbort(() => aborted.reject(signal.reason))
  return Promise.race([promise, aborted.promise])
}

/** A store that fails when a test wants it to, and remembers what was written. */
export class FakeStore extends MemoryStore {
  readonly written: string[] = []
  /** Called before each write. If this function throws, the write throws the same error. */
  before: (key: string, value: string) => void | Promise<void> = () => undefined

  override async compareAndSet(...given: Parameters<Store['compareAndSet']>): Promise<number | undefined> {
    const [key, , value] = given
    await this.before(key, value)
    const version = await super.compareAndSet(...given)
    if (version !== undefined) this.written.push(value)
    return version
  }
}

/** The error of a storage that fails. */
export const storeFailure = () => new ChatError('unavailable', { message: 'The disk is full.' })
