import type { Fields } from '../../../chat/message.ts'

/** The id of a request. MCP allows no null (2026-07-28, basic). */
export type RequestId = string | number

export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: Fields
}

/** The codes of JSON-RPC 2.0 and of MCP 2026-07-28 that are sent here. */
export const codes = {
  invalidJson: -32_700,
  invalidRequest: -32_600,
  unknownMethod: -32_601,
  invalidParams: -32_602,
  internal: -32_603,
  headerMismatch: -32_020,
  unsupportedVersion: -32_022,
} as const

export function rpcResult(id: RequestId, result: Fields): Fields {
  return { jsonrpc: '2.0', id, result }
}

/** @param id undefined if the request's id could not be read */
export function rpcError(id: RequestId | undefined, error: RpcError): Fields {
  return { jsonrpc: '2.0', ...(id !== undefined && { id }), error }
}

export function rpcNotification(method: string, params: Fields): Fields {
  return { jsonrpc: '2.0', method, params }
}
