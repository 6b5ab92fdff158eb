/** A value as it is kept, with the version it is replaced by. */
export interface Stored {
  readonly value: string
  /** Over 0, and another with every write of the key, also where the key was gone in between. */
  readonly version: number
}

export interface WriteOptions {
  /** Milliseconds until the value is gone by itself; without it the value stays. */
  readonly ttlMs?: number
}

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
  get(key: string): Promise<Stored | undefined>
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
  /** Why what is kept is in danger, in words for the operator; undefined while all is well. */
  problem(): string | undefined
  /** Writes what is due and lets go of the storage. */
  close(): Promise<void>
}
