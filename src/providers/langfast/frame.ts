import { jsonOrUndefined, nestsTooDeep } from '../../wire/json.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** The content of a run's event. */
export interface RunFrame {
  /** The run that it belongs to; undefined if it names none. */
  readonly executionId?: string
  readonly state: 'running' | 'done' | 'failed'
  /** The whole answer so far. */
  readonly content?: string
  /** The finish reason in OpenAI's words. */
  readonly finishReason?: string
  /** The error, unchanged, if there is one. */
  readonly error?: unknown
}

/**
 * Reads the payload of `execution:chunk`: an object, its JSON in a string, or the answer so far as a plain string.
 * @param plain the answer so far, if it came as plain strings: a string that continues it is not JSON, even if it looks like JSON
 */
export function readChunk(payload: unknown, plain: string): RunFrame & { readonly isPlain?: boolean } {
  const continues = plain !== '' && typeof payload === 'string' && payload.startsWith(plain)
  const object = continues ? undefined : objectIn(payload)
  if (object) return readObject(object)
  return typeof payload === 'string' ? { state: 'running', content: payload, isPlain: true } : { state: 'running' }
}

/** Whether a chunk without text only tells the run's state. One with further members may have its text in one of them. */
export function isStateOnly(payload: unknown): boolean {
  const object = objectIn(payload)
  if (!object || ('content' in object && object.content != null)) return false
  return Object.keys(object).every((member) => member in schemas().RunPayload.shape)
}

/** Reads the payload of `completion_finished`, which is not documented. The event itself is an end. */
export function readEnd(payload: unknown): RunFrame {
  const frame = readObject(objectIn(payload) ?? {})
  return frame.state === 'running' ? { ...frame, state: 'done' } : frame
}

/** An answer may itself be JSON, so an object only counts as a payload if it has a known member. */
function objectIn(payload: unknown): object | undefined {
  const value = typeof payload === 'string' && !nestsTooDeep(payload) ? jsonOrUndefined(payload) : payload
  if (typeof value !== 'object' || !value || Array.isArray(value)) return undefined
  return Object.keys(schemas().RunPayload.shape).some((member) => member in value) ? value : undefined
}

function readObject(object: object): RunFrame {
  const parsed = schemas().RunPayload.parse(object)
  const { executionId, content, status, finish_reason: finishReason, error } = parsed
  return {
    state: error ? 'failed' : stateOf(status ?? ''),
    ...(executionId != null && { executionId: String(executionId) }),
    ...(content != null && { content }),
    ...(finishReason != null && { finishReason }),
    ...(error ? { error } : {}),
  }
}

/** An unknown status counts as running. When a run ends, its status is known, or the connection ends. */
function stateOf(status: string): RunFrame['state'] {
  if (status === 'completed' || status === 'done') return 'done'
  return /^(failed|failure|error|errored|cancelled|canceled|aborted|timeout|timed_out|expired)$/.test(status)
    ? 'failed'
    : 'running'
}
