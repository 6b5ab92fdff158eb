import type { Database, Statement } from 'bun:sqlite'
import { nextTurn } from '../../flow/next-turn.ts'

/**
 * Puts the writes of one turn of the event loop into one transaction, because every commit waits for the disk. A write
 * has its effect at once, so that later calls see it, and its promise settles after the commit.
 */
export class GroupCommit {
  readonly #database: Database
  readonly #begin: Statement
  readonly #commit: Statement
  /** The transaction that is open. */
  #group: PromiseWithResolvers<void> | undefined

  constructor(database: Database) {
    this.#database = database
    this.#begin = database.prepare('BEGIN IMMEDIATE')
    this.#commit = database.prepare('COMMIT')
  }

  /** @returns the result of `work`, when it is on the disk. A failure of `work` alone does not affect other writes. */
  async write<T>(work: () => T): Promise<T> {
    const group = this.#group ?? this.#open()
    const result = this.#run(work)
    await group.promise
    return result
  }

  /** Ends the open transaction. Its writes succeed or fail together. */
  flush(): void {
    const group = this.#group
    if (!group) return
    this.#group = undefined
    try {
      this.#commit.run()
      group.resolve()
    } catch (thrown) {
      group.reject(thrown)
      this.#undo()
    }
  }

  #open(): PromiseWithResolvers<void> {
    this.#begin.run()
    const group = Promise.withResolvers<void>()
    // its writes report the failure
    group.promise.catch(() => undefined)
    this.#group = group
    void nextTurn().then(() => {
      if (this.#group === group) this.flush()
    })
    return group
  }

  #run<T>(work: () => T): T {
    try {
      return work()
    } catch (thrown) {
      // some failures, such as a full disk, undo the whole transaction (https://sqlite.org/lang_transaction.html, 3)
      if (!this.#database.inTransaction) {
        this.#group?.reject(thrown)
        this.#group = undefined
      }
      throw thrown
    }
  }

  #undo(): void {
    if (this.#database.inTransaction) this.#database.run('ROLLBACK')
  }
}
