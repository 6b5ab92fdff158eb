import { ChatError, type Reason } from '../../chat/error.ts'
import type { FinishReason } from '../../chat/event.ts'

/** Beside OpenAI's words: Mistral's `model_length`, Together's `eos`, xAI's `end_turn`, Zhipu's `sensitive`, Gemini's own in capitals. */
const reasons: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['eos', 'stop'],
  ['end_turn', 'stop'],
  ['complete', 'stop'],
  ['length', 'length'],
  ['max_tokens', 'length'],
  ['model_length', 'length'],
  ['tool_calls', 'tool-calls'],
  ['function_call', 'tool-calls'],
  ['content_filter', 'content-filter'],
  ['sensitive', 'content-filter'],
  ['safety', 'content-filter'],
  ['recitation', 'content-filter'],
  ['blocklist', 'content-filter'],
  ['prohibited_content', 'content-filter'],
  ['spii', 'content-filter'],
])

/** Words that stand where an end is named and mean that there was none: DeepSeek, Zhipu, vLLM, OpenRouter. */
const failures: ReadonlyMap<string, Reason> = new Map([
  ['error', 'upstream-failed'],
  ['network_error', 'upstream-failed'],
  ['abort', 'upstream-failed'],
  ['insufficient_system_resource', 'overloaded'],
])

/**
 * An upstream's word for an end; one we do not know is an end all the same.
 * @throws ChatError where the word names a failure: what was said so far is no whole answer
 */
export function decodeFinish(wire: string): FinishReason {
  const word = wire.toLowerCase()
  const failure = failures.get(word)
  if (failure) throw new ChatError(failure, { message: 'The upstream broke off its answer with an error.' })
  return reasons.get(word) ?? 'other'
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

const documented: ReadonlySet<string> = new Set([...Object.values(words), 'function_call'])

/** Whether a typed client knows the word: the list is closed, and some clients refuse the chunk for another. */
export function isDocumentedFinish(word: string): boolean {
  return documented.has(word)
}
