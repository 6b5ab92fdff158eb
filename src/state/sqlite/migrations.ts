import type { Database } from 'bun:sqlite'

/** Says that a SQLite file is ours: the letters `trib`. */
export const applicationId = 0x74_72_69_62

/**
 * What makes each schema out of the one before; the first out of nothing. Never edited, only added to.
 *
 * `version` and `fence` are never given twice, also where the row before them is gone: that is what AUTOINCREMENT adds.
 * `value` is text, or, for a string with half a surrogate pair, which is no text to SQLite, its UTF-16 as a blob.
 * `expires` is in milliseconds since 1970; of a lease that was given back it is below 0.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE entries (
     version INTEGER PRIMARY KEY AUTOINCREMENT,
     key TEXT NOT NULL UNIQUE,
     value BLOB NOT NULL,
     expires INTEGER
   );
   CREATE INDEX entries_by_end ON entries (expires) WHERE expires IS NOT NULL;
   CREATE TABLE leases (
     fence INTEGER PRIMARY KEY AUTOINCREMENT,
     name TEXT NOT NULL UNIQUE,
     expires INTEGER NOT NULL
   );
   PRAGMA application_id = ${applicationId};`,
  `CREATE TABLE counters (
     key TEXT PRIMARY KEY,
     value INTEGER NOT NULL,
     expires INTEGER
   ) WITHOUT ROWID;
   CREATE INDEX counters_by_end ON counters (expires) WHERE expires IS NOT NULL;`,
]

/** A number in the file's head. */
export function readPragma(database: Database, name: 'user_version' | 'application_id' | 'schema_version'): number {
  using statement = database.prepare<Record<string, number>, []>(`PRAGMA ${name}`)
  return statement.get()?.[name] ?? 0
}

/** Brings a database to the newest schema, each step whole or not at all. */
export function migrate(database: Database, steps: readonly string[] = migrations): void {
  for (const [at, step] of steps.entries()) {
    if (at < readPragma(database, 'user_version')) continue
    database.transaction(() => {
      database.run(step)
      database.run(`PRAGMA user_version = ${at + 1}`)
    })()
  }
}
