import type { Conversations } from '../../conversations/conversations.ts'
import type { Gateway } from '../../gateway/gateway.ts'
import type { ToolRegistry } from '../../tools/tool.ts'
import type { EgressPolicy } from '../../wire/egress.ts'
import type { Calls } from './calls.ts'

/** `leaving`: it will stop, and says so to those who ask. `draining`: no new work is taken. */
export type Phase = 'open' | 'leaving' | 'draining'

/** What handlers work with: one for each server. */
export interface Services {
  readonly gateway: Gateway
  readonly conversations: Conversations
  readonly tools: ToolRegistry
  /** Where callers may have us go. */
  readonly egress: EgressPolicy
  /** Who answers callers of the chat server that name no model; without it the first that can chat and take tools. */
  readonly chatModel?: string
  readonly maxBodyBytes: number
  readonly keepAliveMs: number
  readonly version: string
  readonly calls: Calls
  /** Whether what is kept is safe. */
  isStateWell(): boolean
  phase(): Phase
}
