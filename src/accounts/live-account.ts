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
import { RenewalHistory } from './renewal-history.ts'

/** What all accounts of a gateway use. */
export interface AccountsOptions {
  readonly store: Store
  readonly log: Logger
  readonly runtime: Runtime
  /**
   * Milliseconds that a service has for each of the two attempts to renew an account. The default is 8,000. A service
   * still accepts the old token for longer than that.
   */
  readonly answerMs?: number
  /** Is told of each renewal that has ended. It must be short and must not throw. */
  readonly onRenewal?: ((renewed: EndedRenewal) => void) | undefined
}

/** A renewal that has ended. */
export interface EndedRenewal {
  /** The name of the upstream. */
  readonly upstream: string
  /** `ok`, or the code of its failure. */
  readonly outcome: string
}

interface LiveAccountOptions extends AccountsOptions {
  /** The name of the upstream. No two of its accounts have the same label. */
  readonly upstream: string
  readonly origin?: Origin
}

/** A credential is not used in its last milliseconds, because clocks differ and requests take time. */
const marginMs = 10_000

/**
 * Holds the current credential of an account, and renews it, one renewal at a time. A credential that never ends is
 * returned unchanged.
 */
export class LiveAccount<Credential = unknown> implements Account<Credential> {
  readonly label: string
  readonly renewal?: Renewal<Credential>
  readonly fingerprint?: string
  /** Whether it was made on request, and not configured. */
  readonly isMade: boolean
  readonly endsAt?: number
  readonly #credentials: CredentialStore<Credential> | undefined
  readonly #log: Logger
  readonly #runtime: Runtime
  readonly #jitter: number
  readonly #history: RenewalHistory
  readonly #answerMs: number
  readonly #onRenewed: (outcome: string) => void
  #stored: StoredCredential<Credential>
  #loading: Promise<void> | undefined
  #isLoaded: boolean
  #renewing: Promise<Credential> | undefined
  /** The last credential that was used with success. */
  #served: Credential | undefined

  constructor(account: Account<Credential>, options: LiveAccountOptions) {
    const { label, credential, renewal, fingerprint, endsAt } = account
    const { upstream, store, origin = 'configured' } = options
    this.label = label
    if (fingerprint !== undefined) this.fingerprint = fingerprint
    this.isMade = origin === 'made'
    if (endsAt !== undefined) this.endsAt = endsAt
    this.#log = options.log
    this.#runtime = options.runtime
    this.#jitter = options.runtime.random()
    this.#history = new RenewalHistory(() => options.runtime.now())
    this.#answerMs = options.answerMs ?? 8_000
    this.#onRenewed = (outcome) => options.onRenewal?.({ upstream, outcome })
    this.#stored = { credential, version: 0, isRenewalOpen: false }
    this.#isLoaded = renewal === undefined
    if (!renewal) return
    this.renewal = renewal
    const name =
      origin === 'made' ? storeKeyOf(upstream, label) : configuredStoreKeyOf(upstream, { credential, renewal })
    this.#credentials = new CredentialStore(name, { store, renewal, credential, origin })
  }

  /** The newest credential that is known. It may have ended. */
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
      renewedAt: this.#history.renewedAt,
    }
  }

  /**
   * Returns the credential to use. Shortly before its end, a renewal starts in the background, and the old credential
   * is returned meanwhile. Only when it has almost ended, the result is a promise of the new one.
   * @throws ChatError `login-needed` or `account-banned`; `renewal-failed` and others if the renewal fails
   */
  getCredential(signal: Cancel): Credential | Promise<Credential> {
    if (!this.#isLoaded) return orAbort(this.#loadOnce(), signal).then(() => this.getCredential(signal))
    const { credential, dead, isRenewalOpen } = this.#stored
    if (dead) throw dead
    if (isRenewalOpen) return orAbort(this.#renewOnce(), signal)
    if (this.#history.isJustRenewed) return credential
    const leftMs = (this.renewal?.expiresAt(credential) ?? Number.POSITIVE_INFINITY) - this.#runtime.now()
    if (leftMs <= Math.min(marginMs, this.#aheadMs)) return orAbort(this.#renewOnce(), signal)
    if (leftMs <= this.#aheadMs) this.#renewAhead()
    return credential
  }

  /**
   * Whether the credential has just replaced a refused one, and has not been used with success yet. If the service
   * refuses it as well, another renewal would not help. After a success, a refusal means only that the credential was
   * revoked, and a renewal may help.
   */
  isJustReplaced(credential: unknown): boolean {
    return this.#stored.credential === credential && this.#served !== credential && this.#history.isJustReplaced
  }

  /**
   * Notes that the service has accepted this credential. An older credential is ignored, because a request that used it
   * may end after a renewal.
   */
  markServed(credential: Credential): void {
    if (this.#stored.credential === credential) this.#served = credential
  }

  /**
   * Gets a new credential, because the service has refused this one.
   * @throws like `getCredential`
   */
  replaceCredential(refused: Credential, signal: Cancel): Promise<Credential> {
    const { credential, dead, isRenewalOpen } = this.#stored
    if (dead) return Promise.reject(dead)
    if (credential !== refused && !isRenewalOpen) return Promise.resolve(credential)
    this.#history.noteRefusal()
    return orAbort(this.#renewOnce(), signal)
  }

  /** Notes that the service no longer accepts this credential, so the next request gets another one. */
  markExpired(refused: Credential): void {
    if (this.#stored.credential !== refused) return
    this.#stored = { ...this.#stored, isRenewalOpen: true }
    this.#history.noteRefusal()
  }

  /**
   * Returns the service's proof that this account can never be used again, or undefined. The proof may come from an
   * earlier run of the program.
   */
  async findProof(): Promise<ChatError | undefined> {
    if (!this.#isLoaded) await this.#loadOnce()
    return this.#stored.dead
  }

  /** Stores an account that was made, before it is first used. */
  async store(): Promise<void> {
    await this.#credentials?.create(this.#stored.credential)
    await this.#loadOnce()
  }

  /** Deletes the stored credential. */
  async deleteStored(): Promise<void> {
    await this.#credentials?.forget()
  }

  /** Renews each account up to a fifth earlier than necessary, so that many accounts do not renew at the same time. */
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
    if (this.#history.isPaused) return
    this.#renewOnce().catch((thrown: unknown) => {
      const error = asChatError(thrown)
      this.#history.noteFailure(error.retryAfterMs)
      this.#log.warn({ account: this.label, err: error }, 'an account could not be renewed early')
    })
  }

  #renewOnce(): Promise<Credential> {
    this.#renewing ??= this.#renewAndTell().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #renewAndTell(): Promise<Credential> {
    try {
      const credential = await this.#renew()
      this.#onRenewed('ok')
      return credential
    } catch (thrown) {
      this.#onRenewed(asChatError(thrown).ownCode)
      throw thrown
    }
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
    this.#history.noteRenewal()
    this.#log.debug({ account: this.label }, 'an account was renewed')
    return this.#stored.credential
  }
}
