/** A value as it is kept, with the version it is replaced by. */
export interface StoredValue {
  readonly value: string
  /** Over 0. Every write of the key makes another one, also after the key was deleted. */
  readonly version: number
}

export interface WriteOptions {
  /** Milliseconds until the value ends by itself; without it the value stays. */
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

/** The right to be the only one to do something, for a limited time. */
export interface Lease {
  /** Grows with every lease of this name: a write with an older fence than the newest is refused. */
  readonly fence: number
  /** Gives the lease back early. It changes nothing once another process has taken the lease. */
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
 * Where the program keeps what should outlive a request, such as renewed credentials, conversations and threads: small
 * strings by key. Every method may throw `ChatError` `unavailable` where the storage behind it fails.
 *
 * A value is any string (`too-large` where more than 8 Mi characters would be stored). A key has at most 1,024 characters and is
 * well-formed (`invalid-request` otherwise): part of it may be a client's, and no two keys may become one.
 */
export interface Store {
  get(key: string): Promise<StoredValue | undefined>
  put(key: string, value: string, options?: WriteOptions): Promise<void>
  /**
   * Writes only if the key still has the version that was read (0: if it has no value). With `lease` it also writes only
   * if no newer lease of that name was taken. A lease that has ended may still write until then, so that the work done
   * under it is not lost. (A day after its end it may be forgotten, and then the write is refused.)
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
   * and it is lost where the storage cannot be reached. Code that must not miss anything reads the store as well: after
   * it has begun to listen, and from time to time.
   * @param channel obeys the rules of a key
   * @throws ChatError `too-large` for more than 64 Ki characters
   */
  notify(channel: string, text: string): Promise<void>
  /**
   * Calls the listener with each text that is sent on the channel from now on, after the sender's call has returned.
   * @returns a function that stops it
   */
  listen(channel: string, listener: NoticeListener): Promise<() => void>
  /** Why the stored data is in danger, in words for the operator; undefined while all is well. */
  problem(): string | undefined
  /** Writes what is not written yet, and closes the storage. */
  close(): Promise<void>
}
