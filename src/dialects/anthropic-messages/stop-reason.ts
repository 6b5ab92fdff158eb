import type { FinishReason } from '../../chat/event.ts'

/** Why an answer ended, in Anthropic's words. */
export interface Stop {
  readonly stop_reason: string
  readonly stop_sequence: string | null
}

const words = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
  other: 'end_turn',
} as const satisfies Record<FinishReason, string>

export interface Ended {
  readonly reason: FinishReason
  readonly stopSequence?: string | undefined
  /** Whether the answer has a refusal. */
  readonly isRefused: boolean
}

/** Writes why an answer ended. A stop sequence is named only if the upstream named it. */
export function stopOf({ reason, stopSequence, isRefused }: Ended): Stop {
  if (stopSequence !== undefined) return { stop_reason: 'stop_sequence', stop_sequence: stopSequence }
  return { stop_reason: isRefused && reason === 'stop' ? words['content-filter'] : words[reason], stop_sequence: null }
}
