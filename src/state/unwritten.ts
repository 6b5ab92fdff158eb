import type { LeaseClaim, Store, WriteOptions } from './store.ts'

/** What is known of a value in memory that the storage does not have yet. */
interface Note {
  /** Milliseconds since 1970; Infinity for never. */
  readonly endsAt: number
  /** The version that the storage must have for the write; undefined if the write has no condition. */
  readonly expected?: number
  readonly lease?: LeaseClaim
}

/** The condition of a write, as the caller of `compareAndSet` gave it. */
export type Condition = Required<Pick<Note, 'expected'>> & Pick<Note, 'lease'>

interface UnwrittenOptions {
  readonly store: Store
  readonly now: () => number
  /** Called if a value is not written, because another process has changed the stored one meanwhile. */
  readonly onDropped: (key: string) => void
}

/** Writes to the storage what could only be written to the memory. */
export class Unwritten {
  readonly #options: UnwrittenOptions
  readonly #notes = new Map<string, Note>()
  /** Hashes of the texts that were sent to the storage, and may have been written although the call failed. */
  readonly #sent = new Map<string, Set<number | bigint>>()

  constructor(options: UnwrittenOptions) {
    this.#options = options
  }

  /** Notes a write that failed in the storage. Of several conditions for one key, the first counts, with the newest lease. */
  add(key: string, { ttlMs = Number.POSITIVE_INFINITY }: WriteOptions, condition?: Condition): void {
    const before = this.#notes.get(key)
    const endsAt = this.#options.now() + ttlMs
    const isConditional = condition && (!before || before.expected !== undefined)
    this.#notes.set(
      key,
      isConditional ? { endsAt, ...condition, expected: before?.expected ?? condition.expected } : { endsAt },
    )
  }

  /** Notes that the text was sent. */
  sent(key: string, text: string): void {
    this.#sent.set(key, (this.#sent.get(key) ?? new Set()).add(Bun.hash(text)))
  }

  has(key: string): boolean {
    return this.#notes.has(key)
  }

  keys(): readonly string[] {
    return [...this.#notes.keys()]
  }

  delete(key: string): void {
    this.#notes.delete(key)
    this.#sent.delete(key)
  }

  /** Writes a value, unless it has ended. @throws ChatError `unavailable` if it still cannot be written */
  async write(key: string, value: string): Promise<void> {
    const note = this.#notes.get(key)
    const ttlMs = (note?.endsAt ?? 0) - this.#options.now()
    if (!note || ttlMs <= 0) return
    const options = Number.isFinite(ttlMs) ? { ttlMs } : {}
    if (note.expected === undefined) return this.#options.store.put(key, value, options)
    const { store, onDropped } = this.#options
    const { expected, lease } = note
    const write = (version: number) => store.compareAndSet(key, version, value, { ...options, ...(lease && { lease }) })
    this.sent(key, value)
    if ((await write(expected)) !== undefined) return
    const stored = await store.get(key)
    const isOurs = stored && this.#sent.get(key)?.has(Bun.hash(stored.value))
    if (!isOurs || (await write(stored.version)) === undefined) onDropped(key)
  }
}
