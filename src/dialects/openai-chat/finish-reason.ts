import { ChatError, type Reason } from '../../chat/error.ts'
import type { FinishReason } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'

/** OpenAI's words, and Mistral's `model_length`, Together's `eos`, xAI's `end_turn`, Zhipu's `sensitive`, and Gemini's, which are in capitals. */
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
  ['image_safety', 'content-filter'],
  ['image_prohibited_content', 'content-filter'],
  ['image_recitation', 'content-filter'],
])

/**
 * Finish reasons that mean a failure, from DeepSeek, Zhipu, vLLM and OpenRouter. Gemini's mean that the model wrote an
 * invalid tool call, or called a tool that was not offered, so the answer is incomplete.
 */
const failures: ReadonlyMap<string, Reason> = new Map([
  ['error', 'upstream-failed'],
  ['failed', 'upstream-failed'],
  ['server_error', 'upstream-failed'],
  ['internal_error', 'upstream-failed'],
  ['network_error', 'upstream-failed'],
  ['abort', 'upstream-failed'],
  ['aborted', 'upstream-failed'],
  ['cancelled', 'upstream-failed'],
  ['canceled', 'upstream-failed'],
  ['timeout', 'timeout'],
  ['insufficient_system_resource', 'overloaded'],
  ['malformed_function_call', 'upstream-failed'],
  ['malformed_response', 'upstream-failed'],
  ['unexpected_tool_call', 'upstream-failed'],
  ['too_many_tool_calls', 'upstream-failed'],
  ['missing_thought_signature', 'upstream-failed'],
])

/** Finish reasons that mean no end: KoboldCpp's `null`, Python's `None`, Gemini's word for "not yet". */
const noEnds: ReadonlySet<string> = new Set([
  '',
  'null',
  'none',
  'nil',
  'undefined',
  'unspecified',
  'finish_reason_unspecified',
])

/** Reads a finish reason. Returns undefined for none, and for a value that is not a string. */
export function endIn(wire: unknown): string | undefined {
  return typeof wire === 'string' && !noEnds.has(wire.trim().toLowerCase()) ? wire : undefined
}

/**
 * Converts a word to the form in the tables. Gemini's OpenAI endpoint joins two, as in `function_call_filter:
 * MALFORMED_FUNCTION_CALL`. Python writes enumeration members such as `FinishReason.MAX_TOKENS`. The AI SDK has `tool-calls`.
 */
function normaliseWord(wire: string): string {
  const word = wire.trim().toLowerCase().replaceAll('-', '_')
  const parts = word.split(/[:.]\s*/).reverse()
  return parts.find((part) => reasons.has(part) || failures.has(part)) ?? word
}

/**
 * Decodes an upstream's finish reason. An unknown word becomes `other`.
 * @throws ChatError if the word means a failure, because then the answer is incomplete
 */
export function decodeFinish(wire: string): FinishReason {
  const word = normaliseWord(wire)
  const failure = failures.get(word)
  if (failure)
    throw new ChatError(failure, {
      message: `The upstream broke off its answer with an error (finish reason: ${word}).`,
    })
  return reasons.get(word) ?? 'other'
}

/**
 * Returns the stop sequence that ended a choice, from vLLM's `stop_reason` or SGLang's `matched_stop`. Both may also hold a
 * token's number, and other servers put other words there, so only requested stop sequences count.
 */
export function stopSequenceIn(choice: Fields, asked: readonly string[]): string | undefined {
  const { stop_reason: reason, matched_stop: matched } = choice
  return asked.find((sequence) => sequence === reason || sequence === matched)
}

/** Whether an empty answer may have this finish reason, because it was cut short or filtered. After a recitation, Gemini advises a retry. */
export function explainsSilence(wire: string): boolean {
  const word = normaliseWord(wire)
  const reason = reasons.get(word)
  return reason === 'length' || (reason === 'content-filter' && !word.endsWith('recitation'))
}

const weights = ['other', 'stop', 'tool-calls', 'length', 'content-filter'] as const satisfies readonly FinishReason[]

/** Whether the later of two finish reasons is more precise. `stop` often follows the real one. */
export function saysMore(later: string, earlier: string): boolean {
  return weightOf(later) > weightOf(earlier)
}

function weightOf(wire: string): number {
  const word = normaliseWord(wire)
  return failures.has(word) ? weights.length : weights.indexOf(reasons.get(word) ?? 'other')
}

const words = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  other: 'stop',
} as const satisfies Record<FinishReason, string>

/** Returns OpenAI's word for a finish reason. OpenAI's list is closed, so `other` becomes `stop`. */
export function encodeFinish(reason: FinishReason): string {
  return words[reason]
}

const documented: ReadonlySet<string> = new Set([...Object.values(words), 'function_call'])

/** Whether OpenAI documents the word. Some typed clients refuse a chunk with any other word. */
export function isDocumentedFinish(word: string): boolean {
  return documented.has(word)
}

/** Returns the meaning of a word that OpenAI documents; undefined for any other value. */
export function documentedFinish(word: unknown): FinishReason | undefined {
  return typeof word === 'string' && documented.has(word) ? reasons.get(word) : undefined
}
