import type { Database } from 'bun:sqlite'

/** Marks a SQLite file as ours: the letters `trib`. */
export const applicationId = 0x74_72_69_62

/**
 * The steps from each schema to the next; the first begins with an empty file. A step is never edited, only added.
 *
 * `version` and `fence` are never given twice, even after their row was deleted, because of AUTOINCREMENT.
 * `value` is text. SQLite has no text with half a surrogate pair, so such a string is stored as a blob of its UTF-16.
 * `expires` is in milliseconds since 1970; it is negative for a lease that was released.
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

/** Reads a number of the file's header. */
export function readPragma(database: Database, name: 'user_version' | 'application_id' | 'schema_version'): number {
  using statement = database.prepare<Record<string, number>, []>(`PRAGMA ${name}`)
  return statement.get()?.[name] ?? 0
}

/** Changes a database to the newest schema. Each step is done completely or not at all. */
export function migrate(database: Database, steps: readonly string[] = migrations): void {
  for (const [at, step] of steps.entries()) {
    if (at < readPragma(database, 'user_version')) continue
    database.transaction(() => {
      database.run(step)
      database.run(`PRAGMA user_version = ${at + 1}`)
    })()
  }
}
