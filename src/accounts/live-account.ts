import { asChatError, ChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { orAbort } from '../flow/wait.ts'
import type { Store } from '../state/store.ts'
import type { Account, Renewal, RenewalStatus } from './account.ts'
import {
  CredentialStore,
  configuredStoreKeyOf,
  type Origin,
  type StoredCredential,
  storeKeyOf,
} from './credential-store.ts'
import { renewOnce } from './renew-once.ts'

/** What every account of a gateway lives on. */
export interface AccountsOptions {
  readonly store: Store
  readonly log: Logger
  readonly runtime: Runtime
  /** Milliseconds a service has to renew an account; 8,000, which is less than the window in which it takes an old token once more. */
  readonly answerMs?: number
}

interface LiveAccountOptions extends AccountsOptions {
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
export class LiveAccount<Credential = unknown> implements Account<Credential> {
  readonly label: string
  readonly renewal?: Renewal<Credential>
  readonly #credentials: CredentialStore<Credential> | undefined
  readonly #log: Logger
  readonly #runtime: Runtime
  readonly #jitter: number
  readonly #answerMs: number
  #stored: StoredCredential<Credential>
  #loading: Promise<void> | undefined
  #isLoaded: boolean
  #renewing: Promise<Credential> | undefined
  #notBefore = 0
  #renewedAt = Number.NEGATIVE_INFINITY
  #replacedAt = Number.NEGATIVE_INFINITY
  /** Whether the credential of the moment was refused. */
  #isRefused = false
  /** The credential of the moment, once it has served. */
  #served: Credential | undefined

  constructor(account: Account<Credential>, options: LiveAccountOptions) {
    const { label, credential, renewal } = account
    this.label = label
    this.#log = options.log
    this.#runtime = options.runtime
    this.#jitter = options.runtime.random()
    this.#answerMs = options.answerMs ?? 8_000
    this.#stored = { credential, version: 0, isRenewalOpen: false }
    this.#isLoaded = renewal === undefined
    if (!renewal) return
    this.renewal = renewal
    const { upstream, store, origin = 'configured' } = options
    const name =
      origin === 'made' ? storeKeyOf(upstream, label) : configuredStoreKeyOf(upstream, { credential, renewal })
    this.#credentials = new CredentialStore(name, { store, renewal, credential, origin })
  }

  /** The newest one that is known, as it is. */
  get credential(): Credential {
    return this.#stored.credential
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
  getCredential(signal: Cancel): Credential | Promise<Credential> {
    if (!this.#isLoaded) return orAbort(this.#loadOnce(), signal).then(() => this.getCredential(signal))
    const { credential, dead, isRenewalOpen } = this.#stored
    if (dead) throw dead
    if (isRenewalOpen) return orAbort(this.#renewOnce(), signal)
    if (this.#isRecent(this.#renewedAt)) return credential
    const leftMs = (this.renewal?.expiresAt(credential) ?? Number.POSITIVE_INFINITY) - this.#runtime.now()
    if (leftMs <= Math.min(marginMs, this.#aheadMs)) return orAbort(this.#renewOnce(), signal)
    if (leftMs <= this.#aheadMs) this.#renewAhead()
    return credential
  }

  /**
   * Whether the credential has just come in place of one that was refused, and has not served yet: when it is refused
   * too, another one would be. One that has served was good, and has been revoked since.
   */
  isJustReplaced(credential: unknown): boolean {
    return this.#stored.credential === credential && this.#served !== credential && this.#isRecent(this.#replacedAt)
  }

  /** Says that the service has answered one that asked with this credential. An answer to the one before it can end later. */
  markServed(credential: Credential): void {
    if (this.#stored.credential === credential) this.#served = credential
  }

  /**
   * Another credential than this one, which the service has refused.
   * @throws as `getCredential` does
   */
  replaceCredential(refused: Credential, signal: Cancel): Promise<Credential> {
    const { credential, dead, isRenewalOpen } = this.#stored
    if (dead) return Promise.reject(dead)
    if (credential !== refused && !isRenewalOpen) return Promise.resolve(credential)
    this.#isRefused = true
    return orAbort(this.#renewOnce(), signal)
  }

  /** Says that the service has stopped taking this credential: the next to ask gets another. */
  markExpired(refused: Credential): void {
    if (this.#stored.credential !== refused) return
    this.#stored = { ...this.#stored, isRenewalOpen: true }
    this.#isRefused = true
  }

  /** Why it is of no more use, where the service has proven that, be it in a former life of the program. */
  async findProof(): Promise<ChatError | undefined> {
    if (!this.#isLoaded) await this.#loadOnce()
    return this.#stored.dead
  }

  /** Keeps the account for good, before it is first used: for one that was not configured but made. */
  async store(): Promise<void> {
    await this.#credentials?.create(this.#stored.credential)
    await this.#loadOnce()
  }

  /** Removes what is kept of it. */
  async deleteStored(): Promise<void> {
    await this.#credentials?.forget()
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

  #loadOnce(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  async #load(): Promise<void> {
    if (this.#credentials) this.#stored = await this.#credentials.load()
    this.#isLoaded = true
  }

  #renewAhead(): void {
    if (this.#runtime.now() < this.#notBefore) return
    this.#renewOnce().catch((thrown: unknown) => {
      const error = asChatError(thrown)
      this.#notBefore = this.#runtime.now() + Math.max(againMs, error.retryAfterMs ?? 0)
      this.#log.warn({ account: this.label, err: error }, 'an account could not be renewed ahead of time')
    })
  }

  #renewOnce(): Promise<Credential> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #renew(): Promise<Credential> {
    const { renewal } = this
    if (!renewal || !this.#credentials)
      throw new ChatError('account-refused', { message: 'The account cannot be renewed.' })
    this.#stored = await renewOnce(this.#credentials, renewal, this.#stored, {
      label: this.label,
      log: this.#log,
      runtime: this.#runtime,
      answerMs: this.#answerMs,
    })
    if (this.#stored.dead) throw this.#stored.dead
    this.#renewedAt = this.#runtime.now()
    if (this.#isRefused) this.#replacedAt = this.#renewedAt
    this.#isRefused = false
    this.#log.debug({ account: this.label }, 'an account was renewed')
    return this.#stored.credential
  }
}
