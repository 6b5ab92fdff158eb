import { z } from 'zod'
import { jsonOrUndefined, nestsTooDeep } from '../../wire/json.ts'

/** What an event says of a run. */
export interface RunFrame {
  /** Which run it is of; undefined where it does not say. */
  readonly executionId?: string
  readonly state: 'running' | 'done' | 'failed'
  /** The answer so far, whole. */
  readonly content?: string
  /** In OpenAI's words. */
  readonly finishReason?: string
  /** Why it failed, where it says so, as it says it. */
  readonly error?: unknown
}

/** `execution:chunk`, upstreams 3.4; a later client adds all but `content` and `status`. */
const Payload = z.looseObject({
  executionId: z.union([z.string(), z.number()]).nullish().catch(undefined),
  content: z.string().nullish().catch(undefined),
  status: z.string().nullish().catch(undefined),
  finish_reason: z.string().nullish().catch(undefined),
  error: z.unknown().optional(),
})
const members = Object.keys(Payload.shape)

/**
 * The payload of `execution:chunk`: an object, JSON of one in a string, or the answer so far as a plain string.
 * @param plain the answer so far where it came as plain strings: what goes on with it is no JSON, though it may look like it
 */
export function readChunk(payload: unknown, plain: string): RunFrame & { readonly isPlain?: boolean } {
  const goesOn = plain !== '' && typeof payload === 'string' && payload.startsWith(plain)
  const object = goesOn ? undefined : objectIn(payload)
  if (object) return readObject(object)
  return typeof payload === 'string' ? { state: 'running', content: payload, isPlain: true } : { state: 'running' }
}

/** The payload of `completion_finished`, of which nobody has said what it is; the event itself is an end. */
export function readEnd(payload: unknown): RunFrame {
  const frame = readObject(objectIn(payload) ?? {})
  return frame.state === 'running' ? { ...frame, state: 'done' } : frame
}

/** An answer may be JSON itself, as far as it goes: it is ours where it has a member we know. */
function objectIn(payload: unknown): object | undefined {
  const value = typeof payload === 'string' && !nestsTooDeep(payload) ? jsonOrUndefined(payload) : payload
  if (typeof value !== 'object' || !value || Array.isArray(value)) return undefined
  return members.some((member) => member in value) ? value : undefined
}

function readObject(object: object): RunFrame {
  const parsed = Payload.parse(object)
  const { executionId, content, status, finish_reason: finishReason, error } = parsed
  return {
    state: error ? 'failed' : stateOf(status ?? ''),
    ...(executionId != null && { executionId: String(executionId) }),
    ...(content != null && { content }),
    ...(finishReason != null && { finishReason }),
    ...(error ? { error } : {}),
  }
}

/** A status nobody knows says nothing: what ends a run says so, or the connection does. */
function stateOf(status: string): RunFrame['state'] {
  if (status === 'completed' || status === 'done') return 'done'
  return /^(failed|failure|error|errored|cancelled|canceled|aborted|timeout|timed_out|expired)$/.test(status)
    ? 'failed'
    : 'running'
}
