import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import type { ChatError } from '../../chat/error.ts'
import { codeOf, unavailable } from '../unavailable.ts'
import { lockFile } from './file-lock.ts'

/** The first bytes of a SQLite database. https://sqlite.org/fileformat2.html, 1.3.1 */
const magic = 'SQLite format 3\0'

type Identity = Pick<Stats, 'dev' | 'ino'>

/**
 * The file that a path named when it was opened. It can be locked under all its names, and `problem` shows if it is lost.
 */
export class LockedFile {
  readonly #path: string
  readonly #descriptor: number
  #isOpen = true
  readonly #identity: Identity
  /** The identity of SQLite's log, once the log exists. */
  #log: Identity | undefined

  /** Makes an empty file if there is none. It is not locked yet. */
  constructor(path: string) {
    this.#path = path
    this.#descriptor = openSync(path, 'a+', 0o600)
    this.#identity = statSync(path)
  }

  /** @throws ChatError `unavailable` if another process has locked it */
  lock(): void {
    if (!lockFile(this.#descriptor)) throw lockedError(this.#path)
  }

  /** Describes for the operator what happened to the file since it was opened; undefined if nothing did. */
  problem(): string | undefined {
    const loss = this.#findLoss()
    return (
      loss &&
      `The state file ${this.#path} ${loss} while tributary uses it: new data is lost when tributary ends. Stop it, put the file (or a backup of it) back, and start it again.`
    )
  }

  #findLoss(): string | undefined {
    try {
      if (!isSameFile(statSync(this.#path), this.#identity)) return 'was replaced by another file'
      if (!this.#hasLog()) return 'has lost its log (the file ending in -wal)'
      return this.#isDatabase() ? undefined : 'was overwritten'
    } catch (thrown) {
      return codeOf(thrown) === 'ENOENT' ? 'was removed or renamed' : `cannot be reached any more (${codeOf(thrown)})`
    }
  }

  #hasLog(): boolean {
    const found = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })
    this.#log ??= found
    return found !== undefined && this.#log !== undefined && isSameFile(found, this.#log)
  }

  #isDatabase(): boolean {
    const start = Buffer.alloc(magic.length)
    readSync(this.#descriptor, start, 0, magic.length, 0)
    return start.toString('latin1') === magic
  }

  /**
   * Must be called after the database is closed, because closing any descriptor of a file ends SQLite's locks on it.
   * fcntl(2)
   */
  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor)
    this.#isOpen = false
  }
}

function isSameFile(one: Identity, other: Identity): boolean {
  return one.dev === other.dev && one.ino === other.ino
}

export function lockedError(path: string, cause?: unknown): ChatError {
  return unavailable(
    `Another tributary has the state file ${path} open. Stop the other one first, or set STATE_URL to another file.`,
    cause,
  )
}
