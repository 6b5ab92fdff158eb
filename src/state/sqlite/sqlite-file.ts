import { constants, Database } from 'bun:sqlite'
import { chmodSync, closeSync, existsSync, openSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ChatError } from '../../chat/error.ts'
import type { Timers } from '../../flow/timers.ts'
import { codeOf, unavailable } from '../unavailable.ts'
import { closeFully } from './close-fully.ts'
import { LockedFile } from './locked-file.ts'
import { applicationId, migrate, migrations, readPragma } from './migrations.ts'
import { StateLock } from './state-lock.ts'

/** A SQLite database with the newest schema, which no other tributary has open, except during a restart. */
export interface SqliteFile {
  readonly database: Database
  /** Why new data may be lost, for example because the file was removed or replaced; undefined if all is well. */
  problem(): string | undefined
  close(): void
}

/**
 * Milliseconds that a write waits for the lock of another program, such as the `sqlite3` shell. The whole program waits
 * meanwhile, so the time is too short for a person to notice.
 */
const busyTimeoutMs = 250

/** The size of the smallest page that SQLite makes. https://sqlite.org/fileformat2.html, 1.3.2 */
const minPageBytes = 512

export interface SqliteFileOptions {
  /** The error to throw if the file already has entries; then nothing is written. */
  readonly refusal?: ChatError | undefined
  readonly timers: Timers
  /** Resolves when another process that has the file open has ended. The file is locked then. */
  readonly formerEnded?: Promise<void> | undefined
}

/**
 * @throws ChatError `unavailable`, whose message says what to do
 */
export function openSqliteFile(file: string, options: SqliteFileOptions): SqliteFile {
  const folder = dirname(file)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw unavailable(
      `The folder of the state file ${file} does not exist. Create it, or set STATE_URL to another file.`,
    )
  const umask = process.umask(0o077)
  try {
    refuseSpecialFile(file)
    return openLocked(resolveLinks(file), options)
  } catch (thrown) {
    if (thrown instanceof ChatError) throw thrown
    if (codeOf(thrown).startsWith('SQLITE_NOTADB')) throw notADatabaseError(file, thrown)
    throw unavailable(
      `The state file ${file} cannot be used (${codeOf(thrown)}). Check that the disk has free space, and that this user may write the file and its folder.`,
      thrown,
    )
  } finally {
    process.umask(umask)
  }
}

/**
 * Resolves links, because the lock and SQLite's log must be beside the file itself. A link may lead to a file that does
 * not exist yet.
 */
function resolveLinks(file: string): string {
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
  return realpathSync(file)
}

function notADatabaseError(path: string, cause?: unknown): ChatError {
  return unavailable(`The state file ${path} is not a SQLite database. Set STATE_URL to another file.`, cause)
}

function openLocked(path: string, options: SqliteFileOptions): SqliteFile {
  refuseSpecialFile(`${path}.lock`)
  const lock = new StateLock(path, options)
  try {
    refuseBeforeWriting(path, options.refusal)
    const { database, lockedFile } = openDatabase(path, options)
    lock.add(lockedFile)
    return {
      database,
      problem: () => lock.problem() ?? lockedFile.problem(),
      close: () => closeAll(database, lockedFile, lock),
    }
  } catch (thrown) {
    lock.close()
    throw thrown
  }
}

/** Refuses pipes, which would block for ever, and devices, which store nothing. */
function refuseSpecialFile(path: string): void {
  const status = statSync(path, { throwIfNoEntry: false })
  if (status && !status.isFile())
    throw unavailable(`${path} is not a regular file, so it cannot hold the state. Set STATE_URL to another file.`)
}

function openDatabase(path: string, options: SqliteFileOptions): { database: Database; lockedFile: LockedFile } {
  const lockedFile = new LockedFile(path)
  let database: Database | undefined
  try {
    if (!options.formerEnded) lockedFile.lock()
    database = new Database(path, { create: true, readwrite: true })
    configure(database, path, options)
    return { database, lockedFile }
  } catch (thrown) {
    if (database) closeFully(database)
    lockedFile.close()
    throw thrown
  }
}

/** Checks the file without changing it, not even by SQLite's recovery after a crash. */
function refuseBeforeWriting(path: string, refusal: ChatError | undefined): void {
  // SQLite treats a file that is shorter than a page as an empty database, and overwrites it
  const { size } = statSync(path)
  if (size > 0 && size < minPageBytes && !existsSync(`${path}-journal`)) throw notADatabaseError(path)
  let database: Database | undefined
  try {
    database = openForReading(path)
    refuseForeign(database, path, refusal)
  } catch (thrown) {
    // a file that cannot be read without writing is checked again once it is open for writing
    if (thrown instanceof ChatError) throw thrown
  } finally {
    if (database) closeFully(database)
  }
}

function refuseForeign(database: Database, path: string, refusal: ChatError | undefined): void {
  const version = readPragma(database, 'user_version')
  const isNew = readPragma(database, 'schema_version') === 0
  if (!isNew && readPragma(database, 'application_id') !== applicationId)
    throw unavailable(`The state file ${path} is another program's database. Set STATE_URL to another file.`)
  if (version > migrations.length)
    throw unavailable(
      `The state file ${path} was written by a newer tributary (schema ${version}, this one knows ${migrations.length}). Start the newer one, or set STATE_URL to another file.`,
    )
  if (refusal !== undefined && version > 0 && isFilled(database)) throw refusal
}

/**
 * Opens a database for reading. In WAL mode SQLite makes two files beside it even then, and leaves them there. If no
 * other process has the database open, and none has crashed, `immutable` tells SQLite that nothing changes meanwhile
 * (https://sqlite.org/uri.html).
 */
function openForReading(path: string): Database {
  if (existsSync(`${path}-wal`)) return new Database(path, { readonly: true })
  const uri = `file:${encodeURIComponent(path).replaceAll('%2F', '/')}?immutable=1`
  return new Database(uri, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI)
}

/** Whether the database has an entry. */
function isFilled(database: Database): boolean {
  using statement = database.prepare('SELECT 1 FROM entries LIMIT 1')
  return statement.get() !== null
}

/**
 * Whether a state file has entries. Another process may have it open, and nothing is written. A file that cannot be
 * read counts as empty.
 * @param key only checks for this entry
 */
export function hasEntries(path: string, key?: string): boolean {
  let database: Database | undefined
  try {
    database = openForReading(path)
    if (key === undefined) return isFilled(database)
    using statement = database.prepare<unknown, [string]>('SELECT 1 FROM entries WHERE key = ?1')
    return statement.get(key) !== null
  } catch {
    return false
  } finally {
    if (database) closeFully(database)
  }
}

function configure(database: Database, path: string, { refusal, formerEnded }: SqliteFileOptions): void {
  database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
  refuseForeign(database, path, refusal)
  if (formerEnded && readPragma(database, 'user_version') < migrations.length) throw olderSchemaError(path)
  database.run('PRAGMA journal_mode = WAL')
  // each commit is on the disk before it is acknowledged, because a lost token cannot be replaced
  database.run('PRAGMA synchronous = FULL')
  migrate(database)
  for (const name of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(name)) chmodSync(name, 0o600)
}

/** The former process could not go on if this one were not ready in the end. */
function olderSchemaError(path: string): ChatError {
  return unavailable(
    `This version changes the form of the state file ${path}, which it cannot do while the former process uses it. Stop the service, run "tributary state export FILE" for a way back, and start the new version.`,
  )
}

function closeAll(database: Database, lockedFile: LockedFile, lock: StateLock): void {
  try {
    closeFully(database)
  } finally {
    lockedFile.close()
    lock.close()
  }
}
