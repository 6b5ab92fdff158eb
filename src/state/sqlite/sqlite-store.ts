import type { ChatError } from '../../chat/error.ts'
import { repeat } from '../../flow/repeat.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { checkCount, checkKey, checkValue } from '../bounds.ts'
import { Notices } from '../notices.ts'
import type { StateSharing } from '../state-place.ts'
import {
  type CountOptions,
  type Lease,
  type LeaseClaim,
  leaseMemoryMs,
  type NoticeListener,
  type StateEntry,
  type Store,
  type StoredValue,
  type StoreProblem,
  type WriteOptions,
} from '../store.ts'
import { codeOf, unavailable } from '../unavailable.ts'
import { GroupCommit } from './group-commit.ts'
import { openSqliteFile, type SqliteFile } from './sqlite-file.ts'
import { type Column, prepareStatements, type Statements, toColumn, toText } from './statements.ts'

export interface SqliteStoreOptions {
  readonly runtime: Pick<Runtime, 'now' | 'timers'>
  /** Milliseconds between two deletions of ended values. */
  readonly sweepEveryMs?: number
  /** The error to throw if the file already has entries. */
  readonly refusal?: ChatError | undefined
  /** Given if the process takes part in a restart. */
  readonly sharing?: StateSharing | undefined
}

interface EntryRow {
  readonly key: string
  readonly value: Column | number
  readonly expires: number | null
}

/** The codes of a disk without room. */
const fullCodes: ReadonlySet<string> = new Set(['SQLITE_FULL', 'ENOSPC', 'EDQUOT'])

/** A name for leases that end at once. Taking one shows whether the disk can be written. */
const probe = 'tributary:probe'

/**
 * A store in a SQLite file, which outlives the process. Every method is one statement. The writes of one turn of the
 * event loop are one transaction, and a write is on the disk when its promise resolves.
 */
export class SqliteStore implements Store {
  readonly #file: SqliteFile
  readonly #statements: Statements
  readonly #commits: GroupCommit
  readonly #now: () => number
  readonly #stopSweeping: () => void
  readonly #notices: Notices
  /** Why the newest write failed; undefined if it succeeded. */
  #failure: StoreProblem | undefined

  /** @throws ChatError `unavailable` if the file cannot be used, or another process uses it */
  constructor(path: string, { runtime, sweepEveryMs = 10_000, refusal, sharing }: SqliteStoreOptions) {
    const formerEnded = sharing?.formerEnded
    this.#file = openSqliteFile(path, { refusal, timers: runtime.timers, formerEnded })
    // otherwise no other process has the file
    this.#notices = new Notices(sharing?.bridge)
    this.#statements = prepareFor(this.#file, path)
    this.#commits = new GroupCommit(this.#file.database)
    // values outlive a process, so their ends are times of the real clock
    this.#now = () => runtime.now()
    // their holders are gone, unless a former process still has some
    if (!formerEnded) this.#tidy(({ endLeases }) => endLeases.run(runtime.now()))
    this.#stopSweeping = repeat(runtime.timers, sweepEveryMs, () => this.#sweep())
  }

  async get(key: string): Promise<StoredValue | undefined> {
    checkKey(key)
    const [row] = this.#read(({ get }) => get.all(key, this.#now()))
    return row && { value: toText(row.value), version: row.version }
  }

  async put(key: string, value: string, options: WriteOptions = {}): Promise<void> {
    checkKey(key)
    checkValue(value)
    await this.#write(({ put }) => put.run(key, toColumn(value), this.#endOf(options)))
  }

  async compareAndSet(
    key: string,
    expected: number,
    value: string,
    options: WriteOptions & { readonly lease?: LeaseClaim } = {},
  ): Promise<number | undefined> {
    checkKey(key)
    checkValue(value)
    const { name = null, fence = null } = options.lease ?? {}
    const end = this.#endOf(options)
    const [row] = await this.#write(({ compareAndSet }) =>
      compareAndSet.all(key, toColumn(value), end, this.#now(), expected, name, fence),
    )
    return row?.version
  }

  async take(key: string): Promise<string | undefined> {
    checkKey(key)
    const [row] = await this.#write(({ take }) => take.all(key))
    return row && (row.expires ?? Number.POSITIVE_INFINITY) > this.#now() ? toText(row.value) : undefined
  }

  async delete(key: string): Promise<void> {
    checkKey(key)
    await this.#write((statements) => statements.delete.run(key))
  }

  async keys(prefix: string, limit: number): Promise<readonly string[]> {
    checkKey(prefix)
    // keys with this prefix are neighbours in this order, and come first
    const rows = this.#read(({ keys }) => keys.all(prefix, this.#now(), limit))
    return rows.map(({ key }) => key).filter((key) => key.startsWith(prefix))
  }

  async lease(name: string, ttlMs: number): Promise<Lease | undefined> {
    checkKey(name)
    const now = this.#now()
    const [row] = await this.#write(({ lease }) => lease.all(name, now + ttlMs, now))
    if (!row) return undefined
    const { fence } = row
    return {
      fence,
      extend: async (extendMs) =>
        (await this.#write(({ extend }) => extend.all(fence, this.#now() + extendMs))).length > 0,
      release: () => this.#release(fence),
    }
  }

  async #release(fence: number): Promise<void> {
    await this.#write(({ release }) => release.run(fence, this.#now()))
  }

  async increment(key: string, by: number, options: CountOptions = {}): Promise<number> {
    checkKey(key)
    checkCount(by)
    const now = this.#now()
    if (by === 0) return this.#read(({ count }) => count.all(key, now))[0]?.value ?? 0
    const [row] = await this.#write(({ increment }) => increment.all(key, by, this.#endOf(options), now))
    checkCount(row?.value ?? Number.POSITIVE_INFINITY)
    return row?.value ?? 0
  }

  async notify(channel: string, text: string): Promise<void> {
    this.#notices.notify(channel, text)
  }

  async listen(channel: string, listener: NoticeListener): Promise<() => void> {
    return this.#notices.listen(channel, listener)
  }

  async *entries(): AsyncGenerator<StateEntry> {
    yield* this.#each('value', (from) => this.#read(({ next }) => next.all(from, this.#now())))
    yield* this.#each('counter', (from) => this.#read(({ nextCounter }) => nextCounter.all(from, this.#now())))
  }

  /** Reads one row at a time, because each may be large. */
  async *#each(kind: StateEntry['kind'], read: (from: string) => readonly EntryRow[]): AsyncGenerator<StateEntry> {
    for (let [row] = read(''); row; [row] = read(`${row.key}\0`)) {
      const { key, value, expires } = row
      const text = typeof value === 'number' ? String(value) : toText(value)
      yield { kind, key, value: text, ...(expires !== null && { ttlMs: expires - this.#now() }) }
    }
  }

  async close(): Promise<void> {
    this.#notices.close()
    this.#stopSweeping()
    this.#commits.flush()
    this.#file.close()
  }

  #endOf({ ttlMs }: { readonly ttlMs?: number }): number | null {
    return ttlMs === undefined ? null : this.#now() + ttlMs
  }

  problem(): StoreProblem | undefined {
    const lost = this.#file.problem()
    return lost === undefined ? this.#failure : { kind: 'failing', message: lost }
  }

  #read<T>(work: (statements: Statements) => T): T {
    try {
      return work(this.#statements)
    } catch (thrown) {
      throw storageError(thrown)
    }
  }

  /** SQLite undoes a statement that fails, so the next one finds the former state. */
  async #write<T>(work: (statements: Statements) => T): Promise<T> {
    try {
      const result = await this.#commits.write(() => work(this.#statements))
      this.#failure = undefined
      return result
    } catch (thrown) {
      const error = storageError(thrown)
      this.#failure = { kind: fullCodes.has(codeOf(thrown)) ? 'full' : 'failing', message: error.message }
      throw error
    }
  }

  #sweep(): void {
    // a deletion without ended values writes nothing, so it does not show that the disk has room again
    if (this.#failure !== undefined)
      this.#write(({ lease }) => lease.all(probe, 0, this.#now())).catch(() => {
        // the failure is known
      })
    this.#tidy(({ sweep }) => sweep.run(this.#now()))
    this.#tidy(({ sweepCounters }) => sweepCounters.run(this.#now()))
    this.#tidy(({ deleteOldLeases }) => deleteOldLeases.run(this.#now() - leaseMemoryMs))
  }

  /**
   * Does work that is not urgent. A failure is not reported, because the next call that needs the disk fails too, and
   * reports it.
   */
  #tidy(work: (statements: Statements) => void): void {
    try {
      work(this.#statements)
    } catch {
      // the next sweep tries again, and a lease ends by itself
    }
  }
}

function storageError(thrown: unknown): ChatError {
  return unavailable(
    `The state of this gateway cannot be read or written now (${codeOf(thrown)}). The operator should check the disk.`,
    thrown,
  )
}

function prepareFor(file: SqliteFile, path: string): Statements {
  try {
    return prepareStatements(file.database)
  } catch (thrown) {
    file.close()
    throw unavailable(
      `The state file ${path} is damaged (${codeOf(thrown)}). Restore it from a backup, or move it away to start without it.`,
      thrown,
    )
  }
}
