import { ChatError } from '../../chat/error.ts'
import { isScripted } from './outcomes.ts'

/** An attempt of an exported request. */
export interface ExportedAttempt {
  readonly upstream: string
  readonly model: string
  /** Undefined if the upstream needs no account. */
  readonly account: number | undefined
  /** Whether it showed something. */
  readonly hasBegun: boolean
  readonly durationMs: number
  readonly outcome: string
}

/** A request as `GET /admin/requests/{id}/export` writes it. */
export interface ExportedRequest {
  readonly stream: boolean
  readonly isPanel: boolean
  readonly isHedged: boolean
  readonly outcome: string
  readonly attempts: readonly ExportedAttempt[]
  /** How often its answer was continued. */
  readonly seams: number
  /** Undefined if it was estimated, or is unknown. */
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number } | undefined
  /** The characters of its answer; undefined if no text was recorded. */
  readonly answerLength: number | undefined
}

type Members = Readonly<Record<string, unknown>>

/** Reads a request that can be played back. @throws ChatError `invalid-request` that says what is wrong, and where */
export function readPlayable(text: string): ExportedRequest {
  const request = readExport(text)
  const { attempts } = request
  if (attempts.length === 0)
    throw fault('timeline.attempts', 'must not be empty; no upstream was asked, so nothing can be played back')
  const unscripted = attempts.findIndex(({ outcome }) => !isScripted(outcome))
  if (unscripted === -1) return request
  const problem = `is "${attempts[unscripted]?.outcome}", which no emulator can be made to do`
  throw fault(`timeline.attempts[${unscripted}].outcome`, problem)
}

/** @throws ChatError `invalid-request` */
export function readExport(text: string): ExportedRequest {
  const file = membersOf(parse(text), 'the file')
  if (file.format !== 'tributary-request')
    throw fault('format', 'must be "tributary-request"; GET /admin/requests/{id}/export writes such a file')
  if (file.version !== 1) throw fault('version', 'must be 1, which is the only one that this program can read')
  const request = membersOf(file.request, 'request')
  if (request.task !== 'chat') throw fault('request.task', 'must be "chat"; other tasks cannot be played back')
  if (numberIn(request.gateway_tools, 'request.gateway_tools') > 0)
    throw fault('request.gateway_tools', 'must be 0; a request whose tools ran in the gateway cannot be played back')
  const timeline = membersOf(file.timeline, 'timeline')
  return {
    stream: flagIn(request.stream, 'request.stream'),
    isPanel: flagIn(request.panel, 'request.panel'),
    isHedged: flagIn(request.hedged, 'request.hedged'),
    outcome: textIn(file.outcome, 'outcome'),
    attempts: attemptsIn(timeline.attempts),
    seams: listIn(timeline.seams, 'timeline.seams').length,
    usage: usageIn(file.usage),
    answerLength: file.texts === null ? undefined : answerIn(file.texts),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw fault('the file', 'is not JSON')
  }
}

/** A file may be written by hand, and each attempt becomes an answer in memory. */
const maxAttempts = 32

function attemptsIn(value: unknown): readonly ExportedAttempt[] {
  const items = listIn(value, 'timeline.attempts')
  if (items.length > maxAttempts) throw fault('timeline.attempts', `must have at most ${maxAttempts} items`)
  return items.map((item, at) => attemptIn(item, `timeline.attempts[${at}]`))
}

function attemptIn(value: unknown, path: string): ExportedAttempt {
  const attempt = membersOf(value, path)
  const outcome = textIn(attempt.outcome, `${path}.outcome`)
  const hasBegun = attempt.first_event_ms !== null
  if (hasBegun) numberIn(attempt.first_event_ms, `${path}.first_event_ms`)
  const start = numberIn(attempt.start_ms, `${path}.start_ms`)
  return {
    upstream: textIn(attempt.upstream, `${path}.upstream`),
    model: textIn(attempt.model, `${path}.model`),
    account: attempt.account === null ? undefined : numberIn(attempt.account, `${path}.account`),
    hasBegun,
    durationMs: attempt.end_ms === null ? 0 : numberIn(attempt.end_ms, `${path}.end_ms`) - start,
    outcome,
  }
}

function usageIn(value: unknown): ExportedRequest['usage'] {
  if (value === null) return undefined
  const usage = membersOf(value, 'usage')
  const { input_tokens: input, output_tokens: output, source } = usage
  if (input === null || output === null || source !== 'upstream') return undefined
  return {
    inputTokens: numberIn(input, 'usage.input_tokens'),
    outputTokens: numberIn(output, 'usage.output_tokens'),
  }
}

function answerIn(value: unknown): number {
  return textIn(membersOf(value, 'texts').answer, 'texts.answer').length
}

function membersOf(value: unknown, path: string): Members {
  if (isMembers(value)) return value
  throw fault(path, 'must be an object')
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listIn(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw fault(path, 'must be a list')
}

/** What is read is printed, and the file may be a stranger's: a control character could do anything in the terminal. */
function textIn(value: unknown, path: string): string {
  if (typeof value === 'string' && !/\p{Cc}/u.test(value)) return value
  throw fault(path, 'must be a text of one line, without control characters')
}

function flagIn(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value
  throw fault(path, 'must be true or false')
}

function numberIn(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw fault(path, 'must be a whole number from 0 on')
}

function fault(path: string, problem: string): ChatError {
  return new ChatError('invalid-request', { message: `${path} ${problem}.` })
}
