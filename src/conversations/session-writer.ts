import { ChatError } from '../chat/error.ts'
import type { LeaseClaim, Store } from '../state/store.ts'

interface SessionWriterOptions {
  readonly key: string
  version: number
  readonly lease: LeaseClaim
  readonly ttlMs: number
}

/** Writes one key while its lease is the newest. */
export class SessionWriter {
  readonly #store: Store
  readonly #options: SessionWriterOptions

  constructor(store: Store, options: SessionWriterOptions) {
    this.#store = store
    this.#options = { ...options }
  }

  async write(value: string): Promise<void> {
    const { key, lease, ttlMs } = this.#options
    const write = (expected: number) => this.#store.compareAndSet(key, expected, value, { ttlMs, lease })
    // The lease makes this process the only writer. So another version comes from our own write whose result was lost,
    // or from a value that has expired.
    const version = (await write(this.#options.version)) ?? (await write((await this.#store.get(key))?.version ?? 0))
    if (version === undefined) throw sessionLost()
    this.#options.version = version
  }
}

function sessionLost(): ChatError {
  return new ChatError('conflict', {
    message: 'Another request has taken over this session, because this one took too long. Send it again.',
    code: 'session_lost',
  })
}
