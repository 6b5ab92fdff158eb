import type { FinishReason } from '../../chat/event.ts'

const reasons: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  end_turn: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
}

/** An upstream's word for an end; one we do not know is an end all the same. */
export function decodeFinish(wire: string): FinishReason {
  return reasons[wire.toLowerCase()] ?? 'other'
}

const words = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  other: 'stop',
} as const satisfies Record<FinishReason, string>

/** The finish as OpenAI spells it. Its list is closed, so an unknown end becomes `stop`. */
export function encodeFinish(reason: FinishReason): string {
  return words[reason]
}
