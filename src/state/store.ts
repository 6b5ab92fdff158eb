/** A stored value, and the version that a replacement must name. */
export interface StoredValue {
  readonly value: string
  /** Over 0. Every write of the key gives another version, even after the key was deleted. */
  readonly version: number
}

export interface WriteOptions {
  /** Milliseconds until the value is deleted. Without it the value stays. */
  readonly ttlMs?: number
}

export interface CountOptions {
  /**
   * Milliseconds after which the counter starts again at zero. Its first increment starts this window, and later ones do not
   * make it longer. Without it the counter stays.
   */
  readonly ttlMs?: number
}

/** Called with the text that was sent. It must not throw. */
export type NoticeListener = (text: string) => void

/** The right to be the only one to do something, for a limited time. */
export interface Lease {
  /** Grows with every lease of this name: a write with an older fence than the newest is refused. */
  readonly fence: number
  /**
   * Moves its end to `ttlMs` milliseconds from now, also after its end if nobody has taken it meanwhile.
   * @returns false if it was released, or another holder has taken it
   */
  extend(ttlMs: number): Promise<boolean>
  /** Gives the lease back early. It changes nothing once another process has taken the lease. */
  release(): Promise<void>
}

/** The lease under which a write is made. */
export interface LeaseClaim {
  readonly name: string
  readonly fence: number
}

/** A value or a counter, with all that a copy of it needs. */
export interface StateEntry {
  readonly kind: 'value' | 'counter'
  readonly key: string
  /** The text of a value, or the count as a decimal number. */
  readonly value: string
  /** Milliseconds until it ends. Without it, it stays. */
  readonly ttlMs?: number
}

/** Why the stored data is in danger. */
export interface StoreProblem {
  /** `full`: the disk has no room. `unreachable`: the server of the storage does not answer. */
  readonly kind: 'full' | 'unreachable' | 'failing'
  /** A message for the operator. */
  readonly message: string
}

/** The newest fence of a name is remembered for at least this time after its lease has ended. Milliseconds. */
export const leaseMemoryMs = 86_400_000

/**
 * Stores data that must outlive a request, such as renewed credentials, conversations and threads: small strings by
 * key. Every method may throw `ChatError` `unavailable` if its storage fails.
 *
 * A value is any string (`too-large` for more than 8 Mi characters). A key has at most 1,024 characters and must be
 * well-formed (`invalid-request` otherwise), because a client may choose a part of it, and two keys must never become
 * one.
 */
export interface Store {
  get(key: string): Promise<StoredValue | undefined>
  put(key: string, value: string, options?: WriteOptions): Promise<void>
  /**
   * Writes only if the key still has the version that was read (0: if it has no value). With `lease` it also writes
   * only if no newer lease of that name was taken. Until a newer lease is taken, a lease that has ended may still
   * write, so that the work done under it is not lost. (A day after its end the lease may be forgotten, and then the
   * write is refused.)
   * @returns the new version; undefined if another writer was quicker
   */
  compareAndSet(
    key: string,
    expected: number,
    value: string,
    options?: WriteOptions & { readonly lease?: LeaseClaim },
  ): Promise<number | undefined>
  /** Reads a value and deletes it in one step: of several callers at once, one gets it. */
  take(key: string): Promise<string | undefined>
  delete(key: string): Promise<void>
  /** The keys that begin with the prefix, in the order of their code points, at most `limit` of them. */
  keys(prefix: string, limit: number): Promise<readonly string[]>
  /** @returns undefined while another holder has it */
  lease(name: string, ttlMs: number): Promise<Lease | undefined>
  /**
   * Adds to a counter, which begins at 0, in one step, so that simultaneous increments are not lost. Counters do not
   * share their names with values. They are not encrypted.
   * @param by a whole number, below 0 to give back; 0 only reads, and starts no window
   * @returns the new count
   * @throws ChatError `invalid-request` if the counter would leave the safe integers; it does not change then
   */
  increment(key: string, by: number, options?: CountOptions): Promise<number>
  /**
   * Sends a text to all listeners of the channel, in every process that shares the storage, this one included. A
   * notice is only a hint. The listeners of that moment get it at most once, and they get the notices of one sender
   * in order. It is lost if the storage cannot be reached. Code that must not miss a change also reads the store,
   * after it has begun to listen and from time to time.
   * @param channel obeys the rules of a key
   * @throws ChatError `too-large` for more than 64 Ki characters
   */
  notify(channel: string, text: string): Promise<void>
  /**
   * Calls the listener with each text that is sent on the channel from now on, after the sender's call has returned.
   * @returns a function that stops it
   */
  listen(channel: string, listener: NoticeListener): Promise<() => void>
  /**
   * Gives all values and counters, one after the other and in no particular order, for a backup. What is written
   * meanwhile may be missing, and an entry may come twice. Leases are not given.
   */
  entries(): AsyncIterable<StateEntry>
  /** Why the stored data is in danger; undefined if all is well. */
  problem(): StoreProblem | undefined
  /** Writes all unwritten values, and closes the storage. */
  close(): Promise<void>
}
