import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'
import type { AccountNews } from './account-news.ts'
import type { Pool } from './pool.ts'

interface SharedRestsOptions {
  readonly pool: Pool
  /** The name of the upstream, and what identifies the service: others may have another one of the same name. */
  readonly scope: readonly string[]
  readonly store: Store
  readonly runtime: Pick<Runtime, 'newId' | 'now'>
}

interface SentNews {
  readonly from: string
  readonly news: AccountNews
  /** The fingerprint of the account. */
  readonly account?: string
}

/** Limit for the rests that are read at the start. */
const maxRests = 256

/**
 * Tells the other processes of a store which accounts rest, and takes their news into the pool. A rest is also stored until its end, for
 * processes that start later. All of it is only a hint: if the store fails, each process finds out by itself
 * (docs/decisions/0086-rests-are-shared.md).
 */
export class SharedRests {
  readonly #options: SharedRestsOptions
  readonly #processId: string
  readonly #name: string
  #stop: (() => void) | undefined
  #isClosed = false

  constructor(options: SharedRestsOptions) {
    this.#options = options
    this.#processId = options.runtime.newId()
    this.#name = `account-rests/${hashOf(options.scope)}`
    options.pool.onNews = (news) => this.#tell(news)
  }

  /** Takes what others know, now and from now on. */
  async follow(): Promise<void> {
    const { store } = this.#options
    try {
      const stop = await store.listen(this.#name, (text) => this.#take(text))
      if (this.#isClosed) return stop()
      this.#stop = stop
      await this.#readStored()
    } catch {
      // the state fails, which the log says already
    }
  }

  /** Takes what others know of accounts that were added. */
  async readAgain(): Promise<void> {
    try {
      await this.#readStored()
    } catch {
      // the state fails, which the log says already
    }
  }

  close(): void {
    this.#isClosed = true
    this.#stop?.()
  }

  #tell(news: AccountNews): void {
    const { store } = this.#options
    const text = JSON.stringify({ from: this.#processId, news, account: this.#options.pool.fingerprintOf(news.label) })
    void Promise.allSettled([this.#keep(news, text), store.notify(this.#name, text)])
  }

  async #readStored(): Promise<void> {
    const { store } = this.#options
    for (const key of await store.keys(`${this.#name}/`, maxRests)) this.#take((await store.get(key))?.value)
  }

  async #keep({ label, model, trouble }: AccountNews, text: string): Promise<void> {
    const { store, runtime } = this.#options
    const key = `${this.#name}/${hashOf([label, model ?? ''])}`
    if (!trouble) return store.delete(key)
    // after a restart, a refused account is asked once more: the operator may have mended it
    if ('rest' in trouble) await store.put(key, text, { ttlMs: Math.max(1, trouble.rest.state.until - runtime.now()) })
  }

  #take(text: string | undefined): void {
    if (text === undefined || this.#isClosed) return
    const { from, news, account }: SentNews = JSON.parse(text, withoutNull)
    const { pool } = this.#options
    // this process may have another account of the same name
    if (from !== this.#processId && account === pool.fingerprintOf(news.label)) pool.learn(news)
  }
}

/** JSON has no infinite numbers: a rest that the gateway guessed may always be ended. */
function withoutNull(key: string, value: unknown): unknown {
  return key === 'notBefore' && value === null ? Number.NEGATIVE_INFINITY : value
}

function hashOf(texts: readonly string[]): string {
  return new Bun.CryptoHasher('sha256').update(JSON.stringify(texts)).digest('hex')
}
