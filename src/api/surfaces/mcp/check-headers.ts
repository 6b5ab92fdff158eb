import type { Fields } from '../../../chat/message.ts'
import { excerpt } from '../../../chat/secret.ts'
import { isFields } from '../../../dialects/fields.ts'
import { codes, type RpcError } from './json-rpc.ts'
import { capabilitiesKey, legacy, modern, supported, versionKey } from './revisions.ts'

/** Why a request is refused, with the HTTP status. */
export interface McpRefusal {
  readonly status: number
  readonly error: RpcError
}

interface SentRequest {
  readonly method: string
  readonly params: Fields
}

/** The members of the parameters that `Mcp-Name` repeats. */
const namedBy = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
])

/**
 * Finds the era of a request. A modern one repeats its revision, its method and its name in headers, which proxies read, so they
 * must be the same. MCP 2026-07-28, basic/transports/streamable-http, "Server Validation"
 */
export function checkHeaders(asked: SentRequest, headers: Headers): McpRefusal | { readonly isModern: boolean } {
  const { _meta: meta } = asked.params
  const claimed = isFields(meta) ? meta[versionKey] : undefined
  const version = headers.get('mcp-protocol-version')
  if (claimed === undefined) return legacyFault(version) ?? { isModern: false }
  return modernFault(asked, claimed, headers) ?? { isModern: true }
}

/** An older client sends no header before it knows the revision. */
function legacyFault(version: string | null): McpRefusal | undefined {
  if (version === null || legacy.includes(version)) return undefined
  return version === modern ? incomplete(versionKey) : unsupported(version)
}

function modernFault({ method, params }: SentRequest, claimed: unknown, headers: Headers): McpRefusal | undefined {
  if (typeof claimed !== 'string') return incomplete(versionKey)
  const fault = mismatch(headers, 'MCP-Protocol-Version', claimed)
  if (fault) return fault
  if (claimed !== modern) return unsupported(claimed)
  const { _meta: meta } = params
  if (!isFields(meta) || !isFields(meta[capabilitiesKey])) return incomplete(capabilitiesKey)
  const name = params[namedBy.get(method) ?? '']
  return (
    mismatch(headers, 'Mcp-Method', method) ??
    (typeof name === 'string' ? mismatch(headers, 'Mcp-Name', name) : undefined)
  )
}

function mismatch(headers: Headers, header: string, value: string): McpRefusal | undefined {
  const sent = headers.get(header)
  if (sent !== null && decodeHeader(sent) === value) return undefined
  const what = sent === null ? 'is missing' : 'is not what the message says'
  return {
    status: 400,
    error: { code: codes.headerMismatch, message: `Header mismatch: the header ${header} ${what}.` },
  }
}

/** Decodes a value that a header cannot contain as it is. */
function decodeHeader(value: string): string {
  const [, encoded] = /^=\?base64\?(.*)\?=$/.exec(value) ?? []
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString()
}

function incomplete(key: string): McpRefusal {
  const message = `"params._meta" must have "${key}".`
  return { status: 400, error: { code: codes.invalidParams, message } }
}

function unsupported(requested: string): McpRefusal {
  const data = { supported, requested: excerpt(requested, 100) }
  return { status: 400, error: { code: codes.unsupportedVersion, message: 'Unsupported protocol version', data } }
}
