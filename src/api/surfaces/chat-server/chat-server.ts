import type { Conversations } from '../../../conversations/conversations.ts'
import type { Gateway } from '../../../gateway/gateway.ts'
import type { ToolRegistry } from '../../../tools/tool.ts'
import type { Calls } from '../../exchange/calls.ts'
import type { Egress } from './choose-model.ts'
import type { Running } from './running.ts'

/** What the chat server's routes are made of. */
export interface ChatServer {
  readonly gateway: Gateway
  readonly conversations: Conversations
  readonly tools: ToolRegistry
  readonly egress: Egress
  /** Who answers callers that name no model; without it the first that can chat and take tools. */
  readonly chatModel?: string
  readonly calls: Calls
  readonly running: Running
  readonly maxBodyBytes: number
  readonly keepAliveMs: number
}
