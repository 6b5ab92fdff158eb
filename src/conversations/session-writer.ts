import { ChatError } from '../chat/error.ts'
import type { LeaseClaim, Store } from '../state/store.ts'

interface SessionWriterOptions {
  readonly key: string
  version: number
  readonly lease: LeaseClaim
  readonly ttlMs: number
}

/** Writes one key, as long as its lease is the newest. */
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
    // another version than ours is still our own: of a write that came to nothing, or of a value whose time was over
    const version = (await write(this.#options.version)) ?? (await write((await this.#store.get(key))?.version ?? 0))
    if (version === undefined) throw lost()
    this.#options.version = version
  }
}

function lost(): ChatError {
  return new ChatError('conflict', {
    message: 'Another request has taken over this session, since this one was silent for too long.',
    code: 'session_lost',
  })
}
