import { ChatError } from '../chat/error.ts'
import { redact } from '../chat/secret.ts'
import type { ToolOutcome } from './tool.ts'

/** Error code of a request whose reply can no longer come: ours, of those JSON-RPC leaves to the implementation. */
export const lostCode = -32_097

/** How a call ended: with its outcome; never begun, since the session is no more, or for another reason; or nobody knows. */
export type CallEnd =
  | { readonly kind: 'done'; readonly outcome: ToolOutcome }
  | { readonly kind: 'session-lost' }
  | { readonly kind: 'refused'; readonly why: string }

/** What a model is told where a call may or may not have done its work. */
function unknownOutcome(why: string): ToolOutcome {
  return {
    content: `The tool's server failed while the tool ran (${why}). It is not known whether it ran: do not assume either.`,
    isError: true,
  }
}

/**
 * What the failure of a request means.
 * @param connectionEnd why the connection is of no use any more, if so
 */
export function endOf(thrown: unknown, connectionEnd: string | undefined): CallEnd {
  if (connectionEnd !== undefined) return { kind: 'done', outcome: unknownOutcome(connectionEnd) }
  const status = httpStatus(thrown)
  // 404 tells that the server does not know the session, so it has not looked at the call (MCP 2025-11-25, basic/transports)
  if (status === 404) return { kind: 'session-lost' }
  if (status !== undefined && status < 500) return { kind: 'refused', why: whyFailed(thrown) }
  if (thrown instanceof ChatError && thrown.code === 'upstream_unreachable')
    return { kind: 'refused', why: whyFailed(thrown) }
  const code = codeOf(thrown)
  if (code === undefined || code > 0 || code === lostCode)
    return { kind: 'done', outcome: unknownOutcome(whyFailed(thrown)) }
  const said = thrown instanceof Error ? thrown.message.replace(/^(MCP error -?\d+: )+/, '') : ''
  return { kind: 'done', outcome: { content: `The tool's server refused the call: ${redact(said)}`, isError: true } }
}

/** Whether a server's answer, or what stands for one, came to a request. */
export function isAnswer(thrown: unknown): boolean {
  const code = codeOf(thrown)
  return code !== undefined && code < 0
}

/** Completes "the server failed: …", in words of our own: what a server says may hold anything. */
export function whyFailed(thrown: unknown): string {
  const status = httpStatus(thrown)
  if (status === 401 || status === 403) return `it refuses the gateway's credentials (HTTP ${status})`
  if (status !== undefined) return `it answered HTTP ${status}`
  if (thrown instanceof ChatError) return words[thrown.code] ?? thrown.message
  const code = codeOf(thrown)
  if (code === lostCode) return 'its reply was cut'
  if (thrown instanceof Error && /protocol version/.test(thrown.message))
    return 'it speaks no revision of MCP that the gateway speaks'
  return code === undefined ? 'it does not speak MCP' : `it answered with an error (${code})`
}

/** `wire` speaks of upstreams. */
const words: Readonly<Record<string, string>> = {
  upstream_unreachable: 'it could not be reached',
  upstream_disconnected: 'its connection broke',
  upstream_connect_timeout: 'it could not be connected to in time',
}

/** The library's errors bear a status or a JSON-RPC code as `code`; status over 0, JSON-RPC's below. */
function httpStatus(thrown: unknown): number | undefined {
  const code = codeOf(thrown)
  if (code !== undefined && code >= 100 && code < 600) return code
  const [, inText] = thrown instanceof Error ? (/\(HTTP (\d{3})\)/.exec(thrown.message) ?? []) : []
  return inText === undefined ? undefined : Number(inText)
}

function codeOf(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' ? thrown.code : undefined
}
