import { asChatError, ChatError } from '../chat/error.ts'
import { type Cancel, CancelSource } from '../flow/cancel.ts'
import { orAbort } from '../flow/wait.ts'
import type { Supply } from './account.ts'
import { readCredential, storeKeyOf } from './credential-store.ts'
import { type AccountsOptions, LiveAccount } from './live-account.ts'

/** The label of an account that was made is this prefix and a number. */
const prefix = 'anonymous-'

type AddAccount = (account: LiveAccount) => void

/**
 * Milliseconds to wait after the first failure to make an account. Each further failure doubles them, up to
 * `maxRetryMs`.
 */
const retryMs = 5_000
const maxRetryMs = 10 * 60_000

/**
 * Makes accounts for a pool, one after the other and only when they are needed. Accounts that an earlier run of the
 * program made are used first.
 */
export class AccountFactory {
  readonly #upstream: string
  readonly #supply: Supply
  readonly #options: AccountsOptions
  /** The numbers of the labels that are in use. */
  readonly #slots = new Set<number>()
  readonly #closing: CancelSource
  #isRestored = false
  #making: Promise<ChatError | undefined> | undefined
  #failures = 0
  #failure: ChatError | undefined
  #failedAt = 0
  #notBefore = 0

  constructor(upstream: string, supply: Supply, options: AccountsOptions) {
    this.#upstream = upstream
    this.#supply = supply
    this.#options = options
    this.#closing = new CancelSource(options.runtime)
  }

  /** Whether more accounts should be made. @param count the number of accounts in the pool */
  needsMore(count: number): boolean {
    return count < this.#supply.min && this.#slots.size < this.#supply.max
  }

  /** Makes accounts in the background until there are enough, as long as `mayMake` allows it. */
  fill(add: AddAccount, mayMake: () => boolean): void {
    if (this.#making || this.#isWaiting) return
    void this.#make(add).then((failure) => {
      if (!failure && this.needsMore(this.#slots.size) && mayMake()) this.fill(add, mayMake)
    })
  }

  /**
   * Waits for the next account.
   * @param resting the number of accounts in the pool that rest
   * @returns the failure if no account could be made; undefined if the caller should look at the pool again
   */
  async waitForNext(add: AddAccount, resting: number, signal: Cancel): Promise<ChatError | undefined> {
    if (this.#isRestored && this.#slots.size >= this.#supply.max && resting > 0) return undefined
    if (!this.#making && this.#isWaiting) return this.#failureSoFar()
    return orAbort(this.#make(add), signal)
  }

  /** Deletes an account, so that another can be made in its place. @returns whether it was made here */
  discard(account: LiveAccount): boolean {
    if (!account.label.startsWith(prefix) || !this.#slots.delete(Number(account.label.slice(prefix.length))))
      return false
    account.deleteStored().catch((thrown: unknown) => {
      this.#options.log.warn({ err: asChatError(thrown) }, 'an account could not be removed from the state')
    })
    return true
  }

  close(): void {
    this.#closing.abort(new Error('closed'))
  }

  /**
   * Whether the wait after a failure still runs. If the failure is in the future, the clock was set back, and the
   * wait is over.
   */
  get #isWaiting(): boolean {
    const now = this.#now()
    return this.#failedAt <= now && now < this.#notBefore
  }

  #now(): number {
    return this.#options.runtime.now()
  }

  #make(add: AddAccount): Promise<ChatError | undefined> {
    this.#making ??= this.#makeOne(add)
      .then(
        () => this.#noteMade(),
        (thrown: unknown) => this.#noteFailure(asChatError(thrown)),
      )
      .finally(() => {
        this.#making = undefined
      })
    return this.#making
  }

  #noteMade(): undefined {
    this.#failures = 0
    this.#failure = undefined
  }

  #noteFailure(error: ChatError): ChatError | undefined {
    const waitMs = error.retryAfterMs ?? Math.min(retryMs * 2 ** this.#failures, maxRetryMs)
    this.#failures++
    this.#failure = error
    this.#failedAt = this.#now()
    this.#notBefore = this.#failedAt + waitMs
    this.#options.log.warn({ err: error }, 'no account could be made')
    return this.#failureSoFar()
  }

  /** The last failure, with the time until the next attempt. */
  #failureSoFar(): ChatError | undefined {
    if (!this.#failure) return undefined
    const { reason, message, code, upstreamStatus } = this.#failure
    return new ChatError(reason, {
      message,
      code,
      retryAfterMs: Math.max(0, this.#notBefore - this.#now()),
      cause: this.#failure,
      ...(upstreamStatus !== undefined && { upstreamStatus }),
    })
  }

  async #makeOne(add: AddAccount): Promise<void> {
    if (!this.#isRestored && (await this.#restore(add))) return
    const slot = this.#freeSlot()
    if (slot === undefined) return
    this.#slots.add(slot)
    try {
      const account = this.#makeAccount(slot, await this.#supply.create(this.#closing))
      await account.store()
      add(account)
    } catch (thrown) {
      this.#slots.delete(slot)
      throw thrown
    }
  }

  /** Adds the accounts that an earlier run made. @returns whether there are any */
  async #restore(add: AddAccount): Promise<boolean> {
    const { store } = this.#options
    const keyPrefix = storeKeyOf(this.#upstream, prefix)
    for (const key of await store.keys(keyPrefix, this.#supply.max)) {
      const slot = Number(key.slice(keyPrefix.length))
      // an earlier restore may have added this account before it failed
      if (this.#slots.has(slot)) continue
      const credential = await readCredential(key, store, this.#supply.renewal)
      if (credential === undefined) await store.delete(key)
      else {
        this.#slots.add(slot)
        add(this.#makeAccount(slot, credential))
      }
    }
    this.#isRestored = true
    return this.#slots.size > 0
  }

  #makeAccount(slot: number, credential: unknown): LiveAccount {
    const { renewal } = this.#supply
    const account = { label: `${prefix}${slot}`, credential, renewal }
    return new LiveAccount(account, { ...this.#options, upstream: this.#upstream, origin: 'made' })
  }

  #freeSlot(): number | undefined {
    for (let slot = 1; slot <= this.#supply.max; slot++) if (!this.#slots.has(slot)) return slot
    return undefined
  }
}
