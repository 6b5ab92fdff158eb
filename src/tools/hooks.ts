import type { JSONRPCMessage } from '@modelcontextprotocol/client'
import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'

/** The reports of a transport about its connection that the library's interface does not have. */
export interface TransportHooks {
  readonly log: Logger
  readonly runtime: Runtime
  /** A message has arrived. The library gets it afterwards. */
  onMessage(message: JSONRPCMessage): void
  /** The server has a standard error. @param last returns its last line */
  onStderr(last: () => string | undefined): void
  /** The connection cannot be used any more. @param why completes "the server failed: …", without a secret */
  onLost(why: string): void
  /** The connection cannot be used any more, because the server misbehaved. */
  onMisbehaviour(why: string): void
  /** The server's own messages arrive from now on; earlier ones may have been missed. */
  onListening(): void
  /** Something arrived that is not a message. */
  onUnreadable(): void
}
