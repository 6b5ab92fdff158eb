import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'

/** What a transport tells of its connection beyond what the library's interface has. */
export interface TransportHooks {
  readonly log: Logger
  readonly runtime: Runtime
  /** The server has a standard error: what tells its last line. */
  spoke(last: () => string | undefined): void
  /** The connection is of no use any more. @param why completes "the server failed: …", nothing secret in it */
  lost(why: string): void
  /** The same, by what no honest server does. */
  misbehaved(why: string): void
  /** The server can be heard from now on; what it said by itself before this may have been missed. */
  listening(): void
  /** Something came that is no message. */
  unreadable(): void
}
