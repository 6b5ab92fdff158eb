import type { Database, SQLQueryBindings } from 'bun:sqlite'
import type { ChatError } from '../../chat/error.ts'
import { checkKey, checkValue } from '../bounds.ts'
import { type Lease, type LeaseClaim, leaseMemoryMs, type Store, type Stored, type WriteOptions } from '../store.ts'
import { codeOf, unavailable } from '../unavailable.ts'
import { openSqliteFile, type SqliteFile } from './sqlite-file.ts'

export interface SqliteStoreOptions {
  /** Milliseconds since 1970: what is kept outlives a process, and so do its ends. */
  readonly now?: () => number
  /** Milliseconds between two clearings of what has ended. */
  readonly sweepEveryMs?: number
  /** Why the file is not opened if something is kept in it already. */
  readonly refusal?: ChatError | undefined
}

/** Rows a clearing takes at most: some milliseconds, in which the program does nothing else. */
const sweepRows = 1_000

/** A lease that has ended before it begins: taking it shows whether the disk can be written. */
const probe = 'tributary:probe'

type Value = string | Uint8Array

/**
 * A store in a SQLite file that survives the process. Every method is one statement, and so one transaction: what it
 * has acknowledged is on the disk.
 */
export class SqliteStore implements Store {
  readonly #file: SqliteFile
  readonly #statements: ReturnType<typeof prepare>
  readonly #now: () => number
  readonly #sweeper: Timer
  /** What the newest write failed with, unless a later one succeeded. */
  #failure: string | undefined

  /** @throws ChatError `unavailable` where the file cannot be used, or another process does */
  constructor(path: string, { now = Date.now, sweepEveryMs = 10_000, refusal }: SqliteStoreOptions = {}) {
    this.#file = openSqliteFile(path, refusal)
    this.#statements = preparedIn(this.#file, path)
    this.#now = now
    this.#tidy(({ endLeases }) => endLeases.run(now()))
    this.#sweeper = setInterval(() => this.#sweep(), sweepEveryMs)
    this.#sweeper.unref()
  }

  async get(key: string): Promise<Stored | undefined> {
    checkKey(key)
    const [row] = this.#read(({ get }) => get.all(key, this.#now()))
    return row && { value: toText(row.value), version: row.version }
  }

  async put(key: string, value: string, options: WriteOptions = {}): Promise<void> {
    checkKey(key)
    checkValue(value)
    this.#write(({ put }) => put.run(key, toColumn(value), this.#endOf(options)))
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
    const [row] = this.#write(({ compareAndSet }) =>
      compareAndSet.all(key, toColumn(value), end, this.#now(), expected, name, fence),
    )
    return row?.version
  }

  async take(key: string): Promise<string | undefined> {
    checkKey(key)
    const [row] = this.#write(({ take }) => take.all(key))
    return row && (row.expires ?? Number.POSITIVE_INFINITY) > this.#now() ? toText(row.value) : undefined
  }

  async delete(key: string): Promise<void> {
    checkKey(key)
    this.#write((statements) => statements.delete.run(key))
  }

  async keys(prefix: string, limit: number): Promise<readonly string[]> {
    checkKey(prefix)
    // what begins so stands together in this order, and first
    const rows = this.#read(({ keys }) => keys.all(prefix, this.#now(), limit))
    return rows.map(({ key }) => key).filter((key) => key.startsWith(prefix))
  }

  async lease(name: string, ttlMs: number): Promise<Lease | undefined> {
    checkKey(name)
    const now = this.#now()
    const [row] = this.#write(({ lease }) => lease.all(name, now + ttlMs, now))
    if (!row) return undefined
    const { fence } = row
    return { fence, release: async () => void this.#write(({ release }) => release.run(fence, this.#now())) }
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    this.#file.close()
  }

  #endOf({ ttlMs }: WriteOptions): number | null {
    return ttlMs === undefined ? null : this.#now() + ttlMs
  }

  problem(): string | undefined {
    return this.#file.problem() ?? this.#failure
  }

  #read<T>(work: (statements: ReturnType<typeof prepare>) => T): T {
    try {
      return work(this.#statements)
    } catch (thrown) {
      throw unusable(thrown)
    }
  }

  /** SQLite takes back what failed half-way, so the next one finds everything as it was. */
  #write<T>(work: (statements: ReturnType<typeof prepare>) => T): T {
    try {
      const result = work(this.#statements)
      this.#failure = undefined
      return result
    } catch (thrown) {
      const error = unusable(thrown)
      this.#failure = error.message
      throw error
    }
  }

  #sweep(): void {
    // clearing writes nothing where nothing has ended, so it does not tell that the disk has room again
    if (this.#failure !== undefined) this.#tidy(() => this.#write(({ lease }) => lease.all(probe, 0, this.#now())))
    this.#tidy(({ sweep }) => sweep.run(this.#now()))
    this.#tidy(({ forgetLeases }) => forgetLeases.run(this.#now() - leaseMemoryMs))
  }

  /** Work that can wait: who needs the disk is told by a call of his own, and what has ended is not shown meanwhile. */
  #tidy(work: (statements: ReturnType<typeof prepare>) => void): void {
    try {
      work(this.#statements)
    } catch {
      // the next clearing does it, and a lease ends by itself
    }
  }
}

function unusable(thrown: unknown): ChatError {
  return unavailable(
    `What this gateway keeps cannot be read or written just now (${codeOf(thrown)}). Its operator should look at the disk.`,
    thrown,
  )
}

function preparedIn(file: SqliteFile, path: string): ReturnType<typeof prepare> {
  try {
    return prepare(file.database)
  } catch (thrown) {
    file.close()
    throw unavailable(
      `The state file ${path} is damaged (${codeOf(thrown)}). Restore it from a backup, or move it away to start anew.`,
      thrown,
    )
  }
}

/**
 * Statements that write and return are read with `all`: only that runs them to their end, where a commit can still
 * fail. (`get` stops at the first row, and nobody sees what becomes of the rest.)
 */
function prepare(database: Database) {
  const sql = <Row, Params extends SQLQueryBindings[]>(text: string) => database.prepare<Row, Params>(text)
  return {
    get: sql<{ value: Value; version: number }, [key: string, now: number]>(
      'SELECT value, version FROM entries WHERE key = ?1 AND (expires IS NULL OR expires > ?2)',
    ),
    put: sql<never, [key: string, value: Value, end: number | null]>(
      'INSERT OR REPLACE INTO entries (key, value, expires) VALUES (?1, ?2, ?3)',
    ),
    compareAndSet: sql<
      { version: number },
      [
        key: string,
        value: Value,
        end: number | null,
        now: number,
        expected: number,
        lease: string | null,
        fence: number | null,
      ]
    >(
      `INSERT OR REPLACE INTO entries (key, value, expires) SELECT ?1, ?2, ?3
       WHERE coalesce((SELECT version FROM entries WHERE key = ?1 AND (expires IS NULL OR expires > ?4)), 0) = ?5
         AND (?6 IS NULL OR EXISTS (SELECT 1 FROM leases WHERE name = ?6 AND fence = ?7))
       RETURNING version`,
    ),
    take: sql<{ value: Value; expires: number | null }, [key: string]>(
      'DELETE FROM entries WHERE key = ?1 RETURNING value, expires',
    ),
    delete: sql<never, [key: string]>('DELETE FROM entries WHERE key = ?1'),
    keys: sql<{ key: string }, [prefix: string, now: number, limit: number]>(
      'SELECT key FROM entries WHERE key >= ?1 AND (expires IS NULL OR expires > ?2) ORDER BY key LIMIT ?3',
    ),
    lease: sql<{ fence: number }, [name: string, end: number, now: number]>(
      `INSERT OR REPLACE INTO leases (name, expires) SELECT ?1, ?2
       WHERE NOT EXISTS (SELECT 1 FROM leases WHERE name = ?1 AND expires > ?3) RETURNING fence`,
    ),
    // below 0 it was given back, so that it is free also when the clock goes back
    release: sql<never, [fence: number, now: number]>(
      'UPDATE leases SET expires = -min(abs(expires), ?2) WHERE fence = ?1',
    ),
    // nobody else has the file, so whoever held a lease when it was opened is dead
    endLeases: sql<never, [now: number]>('UPDATE leases SET expires = -min(abs(expires), ?1)'),
    sweep: sql<never, [now: number]>(
      `DELETE FROM entries WHERE version IN (SELECT version FROM entries WHERE expires <= ?1 LIMIT ${sweepRows})`,
    ),
    forgetLeases: sql<never, [before: number]>('DELETE FROM leases WHERE abs(expires) <= ?1'),
  }
}

function toColumn(value: string): Value {
  return value.isWellFormed() ? value : Buffer.from(value, 'utf16le')
}

function toText(value: Value): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('utf16le')
}
