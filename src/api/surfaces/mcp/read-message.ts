import type { Fields } from '../../../chat/message.ts'
import { isFields } from '../../../dialects/fields.ts'
import { checkHeaders, type McpRefusal } from './check-headers.ts'
import { codes, type RequestId } from './json-rpc.ts'

/** A request of a client. */
export interface McpRequest {
  readonly id: RequestId
  readonly method: string
  readonly params: Fields
  /** Whether it is of the revision without sessions. */
  readonly isModern: boolean
}

/** A message of a client. Nothing is sent back for a notification. */
export type McpMessage =
  | { readonly kind: 'request'; readonly request: McpRequest }
  | { readonly kind: 'notification' }
  | ({ readonly kind: 'refused'; readonly id: RequestId | undefined } & McpRefusal)

/** Reads a message of either era. MCP 2026-07-28, basic and basic/transports/streamable-http */
export function readMessage(body: unknown, headers: Headers): McpMessage {
  const read = readEnvelope(body)
  if (read.kind !== 'request') return read
  const { id, method, params } = read.request
  const checked = checkHeaders({ method, params }, headers)
  return 'error' in checked
    ? { kind: 'refused', id, ...checked }
    : { kind: 'request', request: { ...read.request, ...checked } }
}

type Envelope =
  | { readonly kind: 'request'; readonly request: Omit<McpRequest, 'isModern'> }
  | Exclude<McpMessage, { readonly kind: 'request' }>

function readEnvelope(body: unknown): Envelope {
  if (!isFields(body))
    return refused(Array.isArray(body) ? 'MCP has no batches: send one message.' : 'The message is not a JSON object.')
  const { jsonrpc, id, method, params = {} } = body
  if (jsonrpc !== '2.0') return refused('"jsonrpc" must be "2.0".')
  // we ask clients nothing, so an answer of theirs has no request
  if (method === undefined && ('result' in body || 'error' in body)) return { kind: 'notification' }
  if (typeof method !== 'string') return refused('"method" must be a text.')
  if (id === undefined) return { kind: 'notification' }
  if (typeof id !== 'string' && !Number.isSafeInteger(id)) return refused('"id" must be a text or a whole number.')
  const requestId = typeof id === 'string' ? id : Number(id)
  if (!isFields(params)) return refused('"params" must be an object.', requestId)
  return { kind: 'request', request: { id: requestId, method, params } }
}

function refused(message: string, id?: RequestId): Envelope {
  return { kind: 'refused', id, status: 400, error: { code: codes.invalidRequest, message } }
}
