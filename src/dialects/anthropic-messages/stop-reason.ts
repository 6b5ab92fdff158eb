import type { FinishEvent, FinishReason } from '../../chat/event.ts'
import type { Extras, Fields } from '../../chat/message.ts'
import { redact } from '../../chat/secret.ts'
import { dialect } from './dialect.ts'
import { ownExtra } from './own-extra.ts'

/** Why an answer ended, in Anthropic's words. */
export interface Stop {
  readonly stop_reason: string
  readonly stop_sequence: string | null
  readonly stop_details: unknown
  readonly container: unknown
}

const words = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
  other: 'end_turn',
} as const satisfies Record<FinishReason, string>

/** Anthropic, Messages, stop reasons. `pause_turn` ends a long turn of Anthropic's own tools. */
const reasons: ReadonlyMap<string, FinishReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool-calls'],
  ['refusal', 'content-filter'],
])

export interface Ended {
  readonly reason: FinishReason
  readonly stopSequence?: string | undefined
  /** Whether the answer has a refusal. */
  readonly isRefused: boolean
  readonly extra?: Extras | undefined
}

/** Writes why an answer ended. A stop sequence is named only if the upstream named it. */
export function stopOf({ reason, stopSequence, isRefused, extra }: Ended): Stop {
  const { stop_reason, stop_details = null, container = null } = extra?.[dialect] ?? {}
  const beside = { stop_details, container }
  if (stopSequence !== undefined) return { stop_reason: 'stop_sequence', stop_sequence: stopSequence, ...beside }
  const word = isRefused && reason === 'stop' ? words['content-filter'] : words[reason]
  return { stop_reason: typeof stop_reason === 'string' ? stop_reason : word, stop_sequence: null, ...beside }
}

/**
 * Reads why an answer ended. What our vocabulary cannot express is kept for a client of this dialect.
 * @param hasCalls whether the client has to run tools. Some services then say `end_turn`
 */
export function readStop(
  stop: Fields,
  hasCalls: boolean,
): Pick<FinishEvent, 'reason' | 'raw' | 'stopSequence' | 'extra'> {
  const { stop_reason, stop_sequence, stop_details, container } = stop
  const raw = typeof stop_reason === 'string' ? stop_reason : undefined
  const said = raw === undefined ? 'stop' : (reasons.get(raw) ?? 'other')
  const reason = hasCalls && (said === 'stop' || said === 'other') ? 'tool-calls' : said
  const isLost = raw !== undefined && said === reason && words[reason] !== raw && raw !== 'stop_sequence'
  const own = {
    ...(isLost && { stop_reason: redact(raw) }),
    ...(stop_details != null && { stop_details }),
    ...(container != null && { container }),
  }
  return {
    reason,
    ...(raw !== undefined && { raw }),
    ...(typeof stop_sequence === 'string' && { stopSequence: stop_sequence }),
    ...ownExtra(Object.keys(own).length > 0 ? own : undefined),
  }
}
