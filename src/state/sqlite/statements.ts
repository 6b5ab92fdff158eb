import type { Database, SQLQueryBindings } from 'bun:sqlite'

/** Text, or the UTF-16 of a string with half a surrogate pair, which SQLite does not accept as text. */
export type Column = string | Uint8Array

/** Limit for the rows that one sweep deletes. It blocks the program for some milliseconds. */
const sweepRows = 1_000

export type Statements = ReturnType<typeof prepareStatements>

/** Whether the window of a counter is still open; `?4` is the time. */
const isRunning = '(expires IS NULL OR expires > ?4)'

/**
 * Prepares the statements. Those that write and return rows are run with `all`, because only `all` runs them to the
 * end, where the commit can still fail. (`get` stops at the first row, and would hide such a failure.)
 */
export function prepareStatements(database: Database) {
  return { ...entryStatements(database), ...leaseStatements(database), ...counterStatements(database) }
}

const preparerOf =
  (database: Database) =>
  <Row, Params extends SQLQueryBindings[]>(text: string) =>
    database.prepare<Row, Params>(text)

function entryStatements(database: Database) {
  const sql = preparerOf(database)
  return {
    get: sql<{ value: Column; version: number }, [key: string, now: number]>(
      'SELECT value, version FROM entries WHERE key = ?1 AND (expires IS NULL OR expires > ?2)',
    ),
    put: sql<never, [key: string, value: Column, end: number | null]>(
      'INSERT OR REPLACE INTO entries (key, value, expires) VALUES (?1, ?2, ?3)',
    ),
    compareAndSet: sql<
      { version: number },
      [
        key: string,
        value: Column,
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
    take: sql<{ value: Column; expires: number | null }, [key: string]>(
      'DELETE FROM entries WHERE key = ?1 RETURNING value, expires',
    ),
    delete: sql<never, [key: string]>('DELETE FROM entries WHERE key = ?1'),
    keys: sql<{ key: string }, [prefix: string, now: number, limit: number]>(
      'SELECT key FROM entries WHERE key >= ?1 AND (expires IS NULL OR expires > ?2) ORDER BY key LIMIT ?3',
    ),
    sweep: sql<never, [now: number]>(
      `DELETE FROM entries WHERE version IN (SELECT version FROM entries WHERE expires <= ?1 LIMIT ${sweepRows})`,
    ),
  }
}

function leaseStatements(database: Database) {
  const sql = preparerOf(database)
  return {
    next: sql<{ key: string; value: Column; expires: number | null }, [from: string, now: number]>(
      'SELECT key, value, expires FROM entries WHERE key >= ?1 AND (expires IS NULL OR expires > ?2) ORDER BY key LIMIT 1',
    ),
    lease: sql<{ fence: number }, [name: string, end: number, now: number]>(
      `INSERT OR REPLACE INTO leases (name, expires) SELECT ?1, ?2
       WHERE NOT EXISTS (SELECT 1 FROM leases WHERE name = ?1 AND expires > ?3) RETURNING fence`,
    ),
    // a negative end means that the lease was released, so it is free even if the clock is set back
    release: sql<never, [fence: number, now: number]>(
      'UPDATE leases SET expires = -min(abs(expires), ?2) WHERE fence = ?1',
    ),
    extend: sql<{ fence: number }, [fence: number, end: number]>(
      'UPDATE leases SET expires = ?2 WHERE fence = ?1 AND expires > 0 RETURNING fence',
    ),
    // no other process has the file, so every former holder of a lease has ended when the file is opened
    endLeases: sql<never, [now: number]>('UPDATE leases SET expires = -min(abs(expires), ?1)'),
    deleteOldLeases: sql<never, [before: number]>('DELETE FROM leases WHERE abs(expires) <= ?1'),
  }
}

function counterStatements(database: Database) {
  const sql = preparerOf(database)
  return {
    count: sql<{ value: number }, [key: string, now: number]>(
      'SELECT value FROM counters WHERE key = ?1 AND (expires IS NULL OR expires > ?2)',
    ),
    nextCounter: sql<{ key: string; value: number; expires: number | null }, [from: string, now: number]>(
      'SELECT key, value, expires FROM counters WHERE key >= ?1 AND (expires IS NULL OR expires > ?2) ORDER BY key LIMIT 1',
    ),
    // no row is returned if the counter would leave the safe integers
    increment: sql<{ value: number }, [key: string, by: number, end: number | null, now: number]>(
      `INSERT INTO counters (key, value, expires) VALUES (?1, ?2, ?3)
       ON CONFLICT (key) DO UPDATE SET
         value = excluded.value + iif(${isRunning}, value, 0),
         expires = iif(${isRunning}, min(coalesce(expires, ?3), coalesce(?3, expires)), ?3)
       WHERE abs(excluded.value + iif(${isRunning}, value, 0)) <= ${Number.MAX_SAFE_INTEGER}
       RETURNING value`,
    ),
    sweepCounters: sql<never, [now: number]>(
      `DELETE FROM counters WHERE key IN (SELECT key FROM counters WHERE expires <= ?1 LIMIT ${sweepRows})`,
    ),
  }
}

export function toColumn(value: string): Column {
  return value.isWellFormed() ? value : Buffer.from(value, 'utf16le')
}

export function toText(value: Column): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('utf16le')
}
