import { Database } from 'bun:sqlite'
import { ChatError } from '../../chat/error.ts'
import type { Timer, Timers } from '../../flow/timers.ts'
import { codeOf } from '../unavailable.ts'
import { closeFully } from './close-fully.ts'
import { type LockedFile, lockedError } from './locked-file.ts'

/** Milliseconds between two attempts to lock a file whose former process has ended. Its files may be closed a moment later. */
const retryMs = 50

interface StateLockOptions {
  readonly timers: Timers
  readonly formerEnded?: Promise<void> | undefined
}

/**
 * Shows other processes that the state is in use. After a restart it is taken when the former process has ended: until then
 * that one has it, and both use the state.
 */
export class StateLock {
  readonly #path: string
  readonly #timers: Timers
  #lock: Database | undefined
  #file: LockedFile | undefined
  #timer: Timer | undefined
  #isClosed = false
  #problem: string | undefined

  /** @throws ChatError `unavailable` if another process has the state, unless that one is about to end */
  constructor(path: string, { timers, formerEnded }: StateLockOptions) {
    this.#path = path
    this.#timers = timers
    if (formerEnded) void formerEnded.then(() => this.#takeLater())
    else this.#lock = takeLock(path)
  }

  /** Another lock on the same state, which is taken at the same time. */
  add(file: LockedFile): void {
    this.#file = file
  }

  /** Describes for the operator that another process has the state; undefined if none has. */
  problem(): string | undefined {
    return this.#problem
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.stop()
    if (this.#lock) closeFully(this.#lock)
  }

  #takeLater(): void {
    if (this.#isClosed) return
    try {
      this.#lock ??= takeLock(this.#path)
      this.#file?.lock()
      this.#problem = undefined
    } catch (thrown) {
      this.#problem = thrown instanceof ChatError ? thrown.message : `The state cannot be locked (${codeOf(thrown)}).`
      this.#timer = this.#timers.set(retryMs, () => this.#takeLater(), { isBackground: true })
    }
  }
}

/**
 * Takes SQLite's own lock on an empty database beside the file, because a lock on the file itself would block readers
 * too. The kernel holds the lock, so it ends with the process in any case. The lock file stays, because its deletion
 * would be a race.
 */
function takeLock(path: string): Database {
  const lock = new Database(`${path}.lock`, { create: true, readwrite: true })
  try {
    lock.run('PRAGMA busy_timeout = 0')
    // nothing is ever written here, but SQLite would make a journal file
    lock.run('PRAGMA journal_mode = MEMORY')
    lock.run('BEGIN EXCLUSIVE')
    return lock
  } catch (thrown) {
    closeFully(lock)
    if (!codeOf(thrown).startsWith('SQLITE_BUSY')) throw thrown
    throw lockedError(path, thrown)
  }
}
