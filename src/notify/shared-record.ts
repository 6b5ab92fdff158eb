import type { Store } from '../state/store.ts'
import { decodeRecord, encodeRecord, type NotifiedNeed, type NotifiedNeeds } from './notified-needs.ts'

const storeKey = 'notify'
/** Attempts to write, if other processes write at the same time. */
const maxWrites = 10

/** What was told, in the state, which all processes share. While the state fails, a process may go on with its own copy. */
export class SharedRecord {
  readonly #store: Store
  #last: NotifiedNeeds = new Map()
  /** What was told while the state could not be written. */
  #unwritten = new Map<string, NotifiedNeed>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The record as this process knows it. */
  get last(): NotifiedNeeds {
    return this.#last
  }

  /** Changes the record. `next` may be called again, if another process was quicker. @throws ChatError `unavailable` */
  async change(next: (record: NotifiedNeeds) => NotifiedNeeds): Promise<void> {
    for (let attempt = 0; attempt < maxWrites; attempt++) {
      const { value = '{}', version = 0 } = (await this.#store.get(storeKey)) ?? {}
      const stored = decodeRecord(value)
      const known = this.#unwritten.size > 0 ? new Map([...this.#unwritten, ...stored]) : stored
      const changed = next(known)
      if (changed !== stored) {
        const written = await this.#store.compareAndSet(storeKey, version, encodeRecord(changed))
        if (written === undefined) continue
      }
      this.#unwritten = new Map()
      this.#last = changed
      return
    }
  }

  /** Changes this process's copy only, because the state fails. */
  changeHere(next: (record: NotifiedNeeds) => NotifiedNeeds): void {
    const changed = next(this.#last)
    for (const [id, told] of changed) if (this.#last.get(id) !== told) this.#unwritten.set(id, told)
    this.#last = changed
  }
}
