import type { Database } from 'bun:sqlite'

/** Closes the file at once. Plain `close` keeps it open and locked until every statement is finalized. */
export function closeFully(database: Database): void {
  database.close(true)
}
