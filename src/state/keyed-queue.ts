/** Does the work for one key at a time, in the order of the calls. The work for other keys does not wait for it. */
export class KeyedQueue {
  /** The end of the newest work for each key. */
  readonly #last = new Map<string, Promise<unknown>>()

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const done = before ? before.then(work) : work()
    const end: Promise<void> = done.catch(() => undefined).then(() => this.#leave(key, end))
    this.#last.set(key, end)
    return done
  }

  /** Resolves when all work that was begun has ended. */
  async drained(): Promise<void> {
    await Promise.all(this.#last.values())
  }

  #leave(key: string, end: Promise<unknown>): void {
    if (this.#last.get(key) === end) this.#last.delete(key)
  }
}
