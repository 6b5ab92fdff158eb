import { statSync } from 'node:fs'
import type { OneApiTables } from '../imports/one-api.ts'
import type { OneApiRow } from '../imports/one-api-tokens.ts'

/** Reads the tables of a database of one-api or new-api. @throws Error if it is none */
export async function readOneApiTables(path: string): Promise<OneApiTables> {
  // SQLite waits for ever for the writer of a pipe
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new Error('there is no such file')
  const { Database } = await import('bun:sqlite')
  const database = new Database(path, { readonly: true })
  try {
    const rowsOf = (table: string) => database.query<OneApiRow, []>(`SELECT * FROM ${table} ORDER BY id`).all()
    return { channels: rowsOf('channels'), tokens: rowsOf('tokens'), users: rowsOf('users') }
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    throw new Error(`it is no SQLite database of one-api (${why}). Export a MySQL or PostgreSQL one to SQLite first`)
  } finally {
    database.close()
  }
}
