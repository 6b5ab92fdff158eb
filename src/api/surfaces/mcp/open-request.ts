import type { Fields } from '../../../chat/message.ts'
import type { OpenCall } from '../../exchange/calls.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Services } from '../../exchange/services.ts'
import type { RpcError } from './json-rpc.ts'
import type { McpRequest } from './read-message.ts'

/** A request of a client while it is answered. */
export interface OpenRequest {
  readonly request: McpRequest
  readonly exchange: Exchange
  readonly services: Services
  readonly open: OpenCall
}

export type MethodAnswer = { readonly result: Fields } | { readonly error: RpcError }
