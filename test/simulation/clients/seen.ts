import type { GatewayProcess } from '../machine/gateway-process.ts'
import type { Wish } from '../upstreams/truth.ts'

/** A request of a client, and all that the client saw of its answer. Times are milliseconds since the night began. */
export interface Seen {
  readonly wish: Wish
  readonly model: string
  readonly isStreamed: boolean
  /** Whether the client comes back when its connection breaks, and goes on with the same stream. */
  readonly isResumable?: boolean
  /** Whether it reads slowly. */
  isSlow?: boolean
  /** What the client itself has found wrong. */
  complaint?: string
  readonly at: number
  /** The process that was asked; undefined while none ran. */
  process?: GatewayProcess | undefined
  /** The client's key; undefined if the gateway asks for none. */
  readonly key?: string | undefined
  status?: number
  body: string
  /** `whole`: the connection ended well. `broken`: it did not, or there was none. `left`: the client left. */
  end?: 'whole' | 'broken' | 'left'
  endedAt?: number
}
