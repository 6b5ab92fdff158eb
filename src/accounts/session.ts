import { asChatError, ChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { orAbort } from '../flow/wait.ts'
import type { Store } from '../state/store.ts'
import type { Account, Renewal, RenewalStatus } from './account.ts'
import { configuredKeyOf, Keeper, type Kept, keyOf, type Origin } from './keeper.ts'
import { renewOnce } from './renew-once.ts'

/** What every account of a gateway lives on. */
export interface AccountsOptions {
  readonly store: Store
  readonly log: Logger
  readonly runtime: Runtime
  /** Milliseconds a service has to renew an account; 8,000, which is less than the window in which it takes an old token once more. */
  readonly answerMs?: number
}

interface SessionOptions extends AccountsOptions {
  /** Of which upstream: labels are unique within one. */
  readonly upstream: string
  readonly origin?: Origin
}

/** Milliseconds before its end at which a credential is not used any more: clocks differ, and a request takes its time. */
const marginMs = 10_000
/**
 * Milliseconds after which a failed renewal ahead of time is tried again, and the least between two for the clock's sake:
 * by a clock that is hours off every credential has ended when it comes.
 */
const againMs = 15_000

/**
 * One account as it lives: the credential of the moment, and its renewal, of which there is one at a time whoever asks.
 * A credential that never ends is handed out as it is.
 */
export class Session<Credential = unknown> implements Account<Credential> {
  readonly label: string
  readonly renewal?: Renewal<Credential>
  readonly #keeper: Keeper<Credential> | undefined
  readonly #log: Logger
  readonly #runtime: Runtime
  readonly #jitter: number
  readonly #answerMs: number
  #kept: Kept<Credential>
  #opened: Promise<void> | undefined
  #isOpen: boolean
  #renewing: Promise<Credential> | undefined
  #notBefore = 0
  #renewedAt = Number.NEGATIVE_INFINITY
  #mendedAt = Number.NEGATIVE_INFINITY
  /** Whether the credential of the moment was refused. */
  #isRefused = false
  /** The credential of the moment, once it has served. */
  #served: Credential | undefined

  constructor(account: Account<Credential>, options: SessionOptions) {
    const { label, credential, renewal } = account
    this.label = label
    this.#log = options.log
    this.#runtime = options.runtime
    this.#jitter = options.runtime.random()
    this.#answerMs = options.answerMs ?? 8_000
    this.#kept = { credential, version: 0, isOpen: false }
    this.#isOpen = renewal === undefined
    if (!renewal) return
    this.renewal = renewal
    const { upstream, store, origin = 'configured' } = options
    const name = origin === 'made' ? keyOf(upstream, label) : configuredKeyOf(upstream, { credential, renewal })
    this.#keeper = new Keeper(name, { store, renewal, credential, origin })
  }

  /** The newest one that is known, as it is. */
  get credential(): Credential {
    return this.#kept.credential
  }

  get isRenewing(): boolean {
    return this.#renewing !== undefined
  }

  /** Undefined for a credential that never ends. */
  get renewalStatus(): RenewalStatus | undefined {
    if (!this.renewal) return undefined
    return {
      isRunning: this.isRenewing,
      expiresAt: this.renewal.expiresAt(this.credential),
      renewedAt: Number.isFinite(this.#renewedAt) ? this.#renewedAt : undefined,
    }
  }

  /**
   * The credential to ask with, at once where it is good for a while. The next one is asked for ahead of its end,
   * while it still serves.
   * @throws ChatError `login-needed`, `account-banned`; `renewal-failed` and the like where it has ended and no other is to be had
   */
  fresh(signal: Cancel): Credential | Promise<Credential> {
    if (!this.#isOpen) return orAbort(this.#open(), signal).then(() => this.fresh(signal))
    const { credential, dead, isOpen } = this.#kept
    if (dead) throw dead
    if (isOpen) return orAbort(this.#renewed(), signal)
    if (this.#isRecent(this.#renewedAt)) return credential
    const leftMs = (this.renewal?.expiresAt(credential) ?? Number.POSITIVE_INFINITY) - this.#runtime.now()
    if (leftMs <= Math.min(marginMs, this.#aheadMs)) return orAbort(this.#renewed(), signal)
    if (leftMs <= this.#aheadMs) this.#renewAhead()
    return credential
  }

  /**
   * Whether the credential has just come in place of one that was refused, and has not served yet: when it is refused
   * too, another one would be. One that has served was good, and has been revoked since.
   */
  isMended(credential: unknown): boolean {
    return this.#kept.credential === credential && this.#served !== credential && this.#isRecent(this.#mendedAt)
  }

  /** Says that the service has answered one that asked with this credential. An answer to the one before it can end later. */
  served(credential: Credential): void {
    if (this.#kept.credential === credential) this.#served = credential
  }

  /**
   * Another credential than this one, which the service has refused.
   * @throws as `fresh` does
   */
  renewed(refused: Credential, signal: Cancel): Promise<Credential> {
    const { credential, dead, isOpen } = this.#kept
    if (dead) return Promise.reject(dead)
    if (credential !== refused && !isOpen) return Promise.resolve(credential)
    this.#isRefused = true
    return orAbort(this.#renewed(), signal)
  }

  /** Says that the service has stopped taking this credential: the next to ask gets another. */
  expire(refused: Credential): void {
    if (this.#kept.credential !== refused) return
    this.#kept = { ...this.#kept, isOpen: true }
    this.#isRefused = true
  }

  /** Why it is of no more use, where the service has proven that, be it in a former life of the program. */
  async proof(): Promise<ChatError | undefined> {
    if (!this.#isOpen) await this.#open()
    return this.#kept.dead
  }

  /** Keeps the account for good, before it is first used: for one that was not configured but made. */
  async keep(): Promise<void> {
    await this.#keeper?.create(this.#kept.credential)
    await this.#open()
  }

  /** Removes what is kept of it. */
  async forget(): Promise<void> {
    await this.#keeper?.forget()
  }

  /** What is yet to come was noted by a clock that has been set back since: then nobody knows how long ago it was. */
  #isRecent(at: number): boolean {
    const now = this.#runtime.now()
    return at <= now && now < at + againMs
  }

  /** Not all accounts at once: each is renewed up to a fifth earlier than the latest. */
  get #aheadMs(): number {
    return (this.renewal?.aheadMs ?? 0) * (1 + this.#jitter / 5)
  }

  #open(): Promise<void> {
    this.#opened ??= this.#load().finally(() => {
      this.#opened = undefined
    })
    return this.#opened
  }

  async #load(): Promise<void> {
    if (this.#keeper) this.#kept = await this.#keeper.load()
    this.#isOpen = true
  }

  #renewAhead(): void {
    if (this.#runtime.now() < this.#notBefore) return
    this.#renewed().catch((thrown: unknown) => {
      const error = asChatError(thrown)
      this.#notBefore = this.#runtime.now() + Math.max(againMs, error.retryAfterMs ?? 0)
      this.#log.warn({ account: this.label, err: error }, 'an account could not be renewed ahead of time')
    })
  }

  #renewed(): Promise<Credential> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #renew(): Promise<Credential> {
    const { renewal } = this
    if (!renewal || !this.#keeper) throw new ChatError('account-refused', { message: 'The account cannot be renewed.' })
    this.#kept = await renewOnce(this.#keeper, renewal, this.#kept, {
      label: this.label,
      log: this.#log,
      runtime: this.#runtime,
      answerMs: this.#answerMs,
    })
    if (this.#kept.dead) throw this.#kept.dead
    this.#renewedAt = this.#runtime.now()
    if (this.#isRefused) this.#mendedAt = this.#renewedAt
    this.#isRefused = false
    this.#log.debug({ account: this.label }, 'an account was renewed')
    return this.#kept.credential
  }
}
