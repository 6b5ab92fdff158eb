import { ChatError } from '../../../src/chat/error.ts'
import type { MemoryStore } from '../../../src/state/memory/memory-store.ts'
import type { Lease, NoticeListener, StateEntry, Store, StoredValue } from '../../../src/state/store.ts'
import { never } from './process-network.ts'

/** What happens to one use of the store. Milliseconds. */
export interface StoreFault {
  readonly delayMs: number
  /** `before`: nothing was done. `after`: it was done, but the answer is lost. */
  readonly fails?: 'before' | 'after'
  /** The process dies before the use reaches the store, or before its answer comes back. */
  readonly dies?: { readonly when: 'before' | 'after'; die(): void }
}

export interface ProcessStoreOptions {
  /** What all processes share, and what outlives them. */
  readonly shared: MemoryStore
  isDead(): boolean
  /** Called at each use. */
  fault(use: string): StoreFault
  pass(ms: number): Promise<void>
}

/** The store as one process sees it: slow or out of reach at times. A dead process gets no answer. */
export class ProcessStore implements Store {
  readonly #options: ProcessStoreOptions
  /** Leases that were taken and not given back. */
  readonly held = new Map<number, string>()

  constructor(options: ProcessStoreOptions) {
    this.#options = options
  }

  get(key: string): Promise<StoredValue | undefined> {
    return this.#use('get', (shared) => shared.get(key))
  }

  put(...given: Parameters<Store['put']>): Promise<void> {
    return this.#use('put', (shared) => shared.put(...given))
  }

  compareAndSet(...given: Parameters<Store['compareAndSet']>): Promise<number | undefined> {
    return this.#use('compareAndSet', (shared) => shared.compareAndSet(...given))
  }

  take(key: string): Promise<string | undefined> {
    return this.#use('take', (shared) => shared.take(key))
  }

  delete(key: string): Promise<void> {
    return this.#use('delete', (shared) => shared.delete(key))
  }

  keys(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#use('keys', (shared) => shared.keys(prefix, limit))
  }

  async lease(name: string, ttlMs: number): Promise<Lease | undefined> {
    const lease = await this.#use('lease', (shared) => shared.lease(name, ttlMs))
    if (!lease) return undefined
    this.held.set(lease.fence, name)
    return {
      fence: lease.fence,
      extend: (ms) => this.#use('extend', () => lease.extend(ms)),
      release: () => {
        this.held.delete(lease.fence)
        return this.#use('release', () => lease.release())
      },
    }
  }

  increment(...given: Parameters<Store['increment']>): Promise<number> {
    return this.#use('increment', (shared) => shared.increment(...given))
  }

  notify(channel: string, text: string): Promise<void> {
    return this.#use('notify', (shared) => shared.notify(channel, text))
  }

  listen(channel: string, listener: NoticeListener): Promise<() => void> {
    const hear: NoticeListener = (text) => void (this.#options.isDead() || listener(text))
    return this.#use('listen', (shared) => shared.listen(channel, hear))
  }

  entries(): AsyncIterable<StateEntry> {
    return this.#options.shared.entries()
  }

  problem(): undefined {
    return undefined
  }

  async close(): Promise<void> {
    // the others go on with it
  }

  async #use<Result>(name: string, act: (shared: MemoryStore) => Promise<Result>): Promise<Result> {
    const { shared, isDead, fault, pass } = this.#options
    if (isDead()) return never()
    const { delayMs, fails, dies } = fault(name)
    if (delayMs > 0) await pass(delayMs)
    if (dies?.when === 'before') dies.die()
    if (isDead()) return never()
    if (fails === 'before') throw outOfReach()
    const result = await act(shared)
    if (dies) dies.die()
    if (isDead()) return never()
    if (fails === 'after') throw outOfReach()
    return result
  }
}

function outOfReach(): ChatError {
  return new ChatError('unavailable', { message: 'The storage does not answer.' })
}
