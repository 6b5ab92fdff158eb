import type { Wish } from '../upstreams/truth.ts'

/** A request of a client, and all that the client saw of its answer. Times are milliseconds since the night began. */
export interface Seen {
  readonly wish: Wish
  readonly model: string
  readonly isStreamed: boolean
  readonly at: number
  /** The process that was asked. */
  process: string
  status?: number
  body: string
  /** `whole`: the connection ended well. `broken`: it did not, or there was none. `left`: the client left. */
  end?: 'whole' | 'broken' | 'left'
  endedAt?: number
}
