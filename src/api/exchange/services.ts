import type { Fields } from '../../chat/message.ts'
import type { ClientSeals } from '../../conversations/client-seals.ts'
import type { Conversations } from '../../conversations/conversations.ts'
import type { Recordings } from '../../conversations/recordings.ts'
import type { StoredResponses } from '../../conversations/stored-responses.ts'
import type { Gateway } from '../../gateway/gateway.ts'
import type { ClientKeys } from '../../keys/client-keys.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Needs } from '../../needs/needs.ts'
import type { ToolRegistry } from '../../tools/tool.ts'
import type { Ledger } from '../../usage/ledger.ts'
import type { EgressPolicy } from '../../wire/egress.ts'
import type { Calls, OpenCall } from './calls.ts'
import type { CredentialAdmin } from './credential-admin.ts'
import type { Exchange } from './exchange.ts'
import type { LiveConfiguration } from './live-configuration.ts'
import type { LiveFeed } from './live-feed.ts'

/**
 * `leaving`: the server will stop, and `/ready` reports it. `draining`: it refuses new work. `yielding`: another process gets
 * all new connections, and this one only answers those that are open.
 */
export type Phase = 'open' | 'leaving' | 'draining' | 'yielding'

/** The process that has taken over. */
export interface Restarted {
  readonly pid: number
  /** The file that it runs. */
  readonly executable: string
}

/** What handlers work with. Each server has one. */
export interface Services {
  readonly gateway: Gateway
  readonly conversations: Conversations
  readonly responses: StoredResponses
  /** The events of answers that clients may read again. */
  readonly recordings: Recordings
  /** Seals what clients keep for the gateway. */
  readonly seals: ClientSeals
  readonly tools: ToolRegistry
  /** The client keys that have a name. */
  readonly clientKeys: ClientKeys
  /** The credentials of upstreams that are kept in the state. */
  readonly credentials: CredentialAdmin
  /** What needs somebody now. */
  readonly needs: Pick<Needs, 'list'>
  readonly metrics: Pick<Metrics, 'write'>
  /** Tells listeners what changes. */
  readonly live: LiveFeed
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** What the callers have used. */
  readonly usage: Ledger
  /** The addresses that callers may send the gateway to. */
  readonly egress: EgressPolicy
  /** The chat server's default model. Without it, the first model that can chat and call tools is used. */
  readonly chatModel?: string
  readonly maxBodyBytes: number
  readonly keepAliveMs: number
  readonly version: string
  readonly calls: Calls
  readonly configuration: LiveConfiguration
  /** Lets another process take over, and returns when that one is ready; undefined where that is impossible. @throws ChatError */
  readonly restart?: (() => Promise<Restarted>) | undefined
  /** Makes the OpenAPI document of the surfaces. */
  openapi(): Fields
  /** Whether the stored state has no problem. */
  isStateWell(): boolean
  phase(): Phase
  /** Whether callers need a key. */
  needsKey(): boolean
  /** Whether the caller of a request that was let in would be let in as an admin now. */
  isStillAdmin(exchange: Exchange): boolean
}

/** A chat that is being answered. */
export interface RunningChat {
  readonly exchange: Exchange
  readonly open: OpenCall
  readonly services: Services
}
