import { ChatError } from '../chat/error.ts'
import { redact } from '../chat/secret.ts'
import { tooLargeCode } from './oversize.ts'
import type { ToolOutcome } from './tool.ts'

/** Our own error code for a request whose reply can no longer come, from JSON-RPC's range for implementations. */
export const lostCode = -32_097

/** How a call ended: it has an outcome; it was never begun, because the session was lost or for another reason; or its outcome is unknown. */
export type CallEnd =
  | { readonly kind: 'done'; readonly outcome: ToolOutcome }
  | { readonly kind: 'session-lost' }
  | { readonly kind: 'refused'; readonly why: string }

/** Why a server failed whose command does not exist. A shell says it by the exit code 127. */
export const commandMissing = 'its command could not be found (exit code 127)'

/** The outcome for a model if the call may or may not have run. */
function unknownOutcome(why: string): ToolOutcome {
  return {
    content: `The tool's server failed while the tool ran (${why}). It is not known whether it ran: do not assume either.`,
    isError: true,
  }
}

/** The outcome for a model if the tool ran, but its answer was too large. */
function tooLarge(): ToolOutcome {
  const content = 'The tool ran, but its answer is over 16 MiB and was not read. Ask it for less at a time.'
  return { content, isError: true }
}

/** The outcome for a model if the tool stopped to ask a person something. The gateway says at the start that it cannot. */
function needsPerson(): ToolOutcome {
  const content = 'The tool asked for input of a person, which it cannot get here. It has not finished.'
  return { content, isError: true }
}

/** The outcome for a model if the tool ran, but its answer cannot be read. */
function invalidAnswer(): ToolOutcome {
  return { content: 'The tool ran, but its answer is not valid.', isError: true }
}

/** Matches the error texts with which the servers of various SDKs report an unknown session. */
const sessionWords = /session|not (been )?initiali[sz]ed|before initiali[sz]ation/i

/**
 * Whether the server ignored a request because it does not know the session, for example after a restart. 404 means that
 * (MCP 2025-11-25, basic/transports); many servers answer 400 or 410 with an explanation.
 */
export function isSessionLost(thrown: unknown): boolean {
  const status = httpStatus(thrown)
  if (status === 404) return true
  return (status === 400 || status === 410) && thrown instanceof Error && sessionWords.test(thrown.message)
}

/**
 * Tells how a call ended from the error of its request.
 * @param connectionEnd why the connection has ended, if it has
 */
export function endOf(thrown: unknown, connectionEnd: string | undefined): CallEnd {
  if (connectionEnd !== undefined) return { kind: 'done', outcome: unknownOutcome(connectionEnd) }
  const status = httpStatus(thrown)
  if (isSessionLost(thrown)) return { kind: 'session-lost' }
  if (status !== undefined && status < 500) return { kind: 'refused', why: whyFailed(thrown) }
  if (thrown instanceof ChatError && thrown.code === 'upstream_unreachable')
    return { kind: 'refused', why: whyFailed(thrown) }
  if (isQuestion(thrown)) return { kind: 'done', outcome: needsPerson() }
  if (hasCode(thrown, invalidResult)) return { kind: 'done', outcome: invalidAnswer() }
  const code = codeOf(thrown)
  if (code === tooLargeCode) return { kind: 'done', outcome: tooLarge() }
  if (code === undefined || code === lostCode) return { kind: 'done', outcome: unknownOutcome(whyFailed(thrown)) }
  const reason = thrown instanceof Error ? thrown.message.replace(/^(MCP error -?\d+: )+/, '') : ''
  return { kind: 'done', outcome: { content: `The tool's server refused the call: ${redact(reason)}`, isError: true } }
}

/** Whether a request got an answer, from the server or from us in its place. */
export function isAnswer(thrown: unknown): boolean {
  return codeOf(thrown) !== undefined
}

/** Whether the server itself refused a request. */
export function isRefusal(thrown: unknown): boolean {
  const code = codeOf(thrown)
  return code !== undefined && code !== lostCode && code !== tooLargeCode
}

/** Completes "the server failed: …" in our own words, because a server's words may contain anything. */
export function whyFailed(thrown: unknown): string {
  const status = httpStatus(thrown)
  if (status === 401 || status === 403) return `it refuses the gateway's credentials (HTTP ${status})`
  if (status !== undefined) return `it answered HTTP ${status}`
  if (thrown instanceof ChatError) return words[thrown.code] ?? thrown.message
  // the library wraps what happened while it found out the server's revision
  if (thrown instanceof Error && thrown.cause instanceof Error) return whyFailed(thrown.cause)
  const code = codeOf(thrown)
  if (code === lostCode) return 'its reply was cut'
  if (code === tooLargeCode) return 'it sent a message that is too large'
  if (thrown instanceof Error && /protocol version/.test(thrown.message))
    return 'it speaks no revision of MCP that the gateway speaks'
  return code === undefined ? 'it does not speak MCP' : `it answered with an error (${code})`
}

/** Texts for the codes of `wire`, whose messages are about upstreams. */
const words: Readonly<Record<string, string>> = {
  upstream_unreachable: 'it could not be reached',
  upstream_disconnected: 'its connection broke',
  upstream_connect_timeout: 'it could not be connected to in time',
}

/** The HTTP status of a refusal. The older transport has it as `code`, or only in its text. */
export function httpStatus(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error)) return undefined
  if ('status' in thrown && typeof thrown.status === 'number') return thrown.status
  if ('event' in thrown && 'code' in thrown && typeof thrown.code === 'number') return thrown.code
  const [, inText] = /\(HTTP (\d{3})\)/.exec(thrown.message) ?? []
  return inText === undefined ? undefined : Number(inText)
}

/** The code of a JSON-RPC error. The library's own errors have words as codes. */
function codeOf(thrown: unknown): number | undefined {
  const isError = thrown instanceof Error && !('event' in thrown) && 'code' in thrown
  return isError && typeof thrown.code === 'number' ? thrown.code : undefined
}

/** The library's codes for a server that asks for something that we have not, or asks again and again. */
const questions: readonly string[] = ['CAPABILITY_NOT_SUPPORTED', 'INPUT_REQUIRED_ROUNDS_EXCEEDED']

/** Whether the server asks for something in place of a result. MCP 2026-07-28, basic/patterns/mrtr */
function isQuestion(thrown: unknown): boolean {
  return questions.some((code) => hasCode(thrown, code))
}

/** The library's code for a result that is not what the revision says. */
const invalidResult = 'INVALID_RESULT'

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code
}
