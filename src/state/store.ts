/** A value as it is kept, with the version it is replaced by. */
export interface StoredValue {
  readonly value: string
  /** Over 0, and another with every write of the key, also where the key was gone in between. */
  readonly version: number
}

export interface WriteOptions {
  /** Milliseconds until the value is gone by itself; without it the value stays. */
  readonly ttlMs?: number
}

export interface CountOptions {
  /**
   * Milliseconds after which the counter begins anew. Its first increment starts this window, and later ones do not
   * make it longer. Without it the counter stays.
   */
  readonly ttlMs?: number
}

/** Called with what was sent. It must not throw. */
export type NoticeListener = (text: string) => void

/** The right to be the only one at something, for a while. */
export interface Lease {
  /** Grows with every lease of this name: a write with an older fence than the newest is refused. */
  readonly fence: number
  /** Gives it back early. What is no longer ours stays as it is. */
  release(): Promise<void>
}

/** The lease a write is made under. */
export interface LeaseClaim {
  readonly name: string
  readonly fence: number
}

/** Milliseconds for which the newest fence of a name is remembered at least, once its lease has ended. */
export const leaseMemoryMs = 86_400_000

/**
 * Where the program keeps what should outlive a request: renewed credentials, conversations, threads. Small strings by
 * key. Every method may throw `ChatError` `unavailable` where the storage behind it fails.
 *
 * A value is any string (`too-large` where more than 8 Mi characters would be stored). A key has at most 1,024 characters and is
 * well-formed (`invalid-request` otherwise): part of it may be a client's, and no two keys may become one.
 */
export interface Store {
  get(key: string): Promise<StoredValue | undefined>
  put(key: string, value: string, options?: WriteOptions): Promise<void>
  /**
   * Writes only where the key still has the version that was read (0: where there is none), and, with `lease`, only as
   * long as nobody took a newer lease of that name. A lease that has ended still writes until then: what was paid for
   * under it is not lost. (A day after its end it may be forgotten, and is refused.)
   * @returns the new version; undefined where somebody was quicker
   */
  compareAndSet(
    key: string,
    expected: number,
    value: string,
    options?: WriteOptions & { readonly lease?: LeaseClaim },
  ): Promise<number | undefined>
  /** Takes a value out, so that nobody else can: of several that take at once one gets it. */
  take(key: string): Promise<string | undefined>
  delete(key: string): Promise<void>
  /** The keys that begin so, in the order of their code points, at most `limit` of them. */
  keys(prefix: string, limit: number): Promise<readonly string[]>
  /** @returns undefined while somebody else has it */
  lease(name: string, ttlMs: number): Promise<Lease | undefined>
  /**
   * Adds to a counter, which begins at 0, in one step: of increments at the same time none is lost. Counters have names
   * of their own, beside those of values. They are not encrypted.
   * @param by a whole number, below 0 to give back; 0 only reads, and starts no window
   * @returns what the counter is at now
   * @throws ChatError `invalid-request` where a counter would leave the safe integers; it stays as it was
   */
  increment(key: string, by: number, options?: CountOptions): Promise<number>
  /**
   * Sends a text to everything that listens on the channel, in every process that shares the storage, this one included.
   * It is a hint and not a record: it is sent once at the most, in the order of one sender, to those that listen by now,
   * and it is lost where the storage cannot be reached. So who must not miss anything reads the store as well: after it
   * has begun to listen, and from time to time.
   * @param channel obeys the rules of a key
   * @throws ChatError `too-large` for more than 64 Ki characters
   */
  notify(channel: string, text: string): Promise<void>
  /**
   * Calls the listener with each text that is sent on the channel from now on, after the sender's call has returned.
   * @returns a function that stops it
   */
  listen(channel: string, listener: NoticeListener): Promise<() => void>
  /** Why what is kept is in danger, in words for the operator; undefined while all is well. */
  problem(): string | undefined
  /** Writes what is due and lets go of the storage. */
  close(): Promise<void>
}
