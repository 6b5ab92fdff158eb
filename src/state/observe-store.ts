import { asChatError } from '../chat/error.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from './store.ts'

/** An operation of the store that has ended. It has no key and no value. */
export interface StoreOperation {
  readonly name: Exclude<keyof Store, 'entries' | 'problem' | 'close'>
  /** `ok`, or the code of its failure. */
  readonly outcome: string
  readonly durationMs: number
}

export interface StoreObserver {
  /** It must be short and must not throw. */
  onOperation(operation: StoreOperation): void
  readonly runtime: Pick<Runtime, 'elapsed'>
}

/** Tells the observer of each operation of the store at its end. */
export function observeStore(store: Store, { onOperation, runtime }: StoreObserver): Store {
  const timed = async <Result>(name: StoreOperation['name'], run: () => Promise<Result>): Promise<Result> => {
    const startedAt = runtime.elapsed()
    const end = (outcome: string) => onOperation({ name, outcome, durationMs: runtime.elapsed() - startedAt })
    try {
      const result = await run()
      end('ok')
      return result
    } catch (thrown) {
      end(asChatError(thrown).ownCode)
      throw thrown
    }
  }
  return {
    get: (...asked) => timed('get', () => store.get(...asked)),
    put: (...asked) => timed('put', () => store.put(...asked)),
    compareAndSet: (...asked) => timed('compareAndSet', () => store.compareAndSet(...asked)),
    take: (...asked) => timed('take', () => store.take(...asked)),
    delete: (...asked) => timed('delete', () => store.delete(...asked)),
    keys: (...asked) => timed('keys', () => store.keys(...asked)),
    lease: (...asked) => timed('lease', () => store.lease(...asked)),
    increment: (...asked) => timed('increment', () => store.increment(...asked)),
    notify: (...asked) => timed('notify', () => store.notify(...asked)),
    listen: (channel, listener) => timed('listen', () => store.listen(channel, listener)),
    entries: () => store.entries(),
    problem: () => store.problem(),
    close: () => store.close(),
  }
}
