import { ChatError, type Reason } from '../../chat/error.ts'
import type { FinishReason } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'

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
  ['image_safety', 'content-filter'],
  ['image_prohibited_content', 'content-filter'],
  ['image_recitation', 'content-filter'],
])

/**
 * Words that stand where an end is named and mean that there was none: DeepSeek, Zhipu, vLLM, OpenRouter. Gemini's say that
 * the model wrote a call which cannot be read, or which nobody offered: what came of the answer is not all of it.
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

/** What stands where an end is named and names none: KoboldCpp's `null`, Python's `None`, Gemini's word for "not yet". */
const noEnds: ReadonlySet<string> = new Set([
  '',
  'null',
  'none',
  'nil',
  'undefined',
  'unspecified',
  'finish_reason_unspecified',
])

/** The word for an end; undefined where there is none, which any odd type is too. */
export function endIn(wire: unknown): string | undefined {
  return typeof wire === 'string' && !noEnds.has(wire.trim().toLowerCase()) ? wire : undefined
}

/**
 * The word as the tables have it. Gemini's OpenAI endpoint has two in one, `function_call_filter: MALFORMED_FUNCTION_CALL`;
 * Python writes a member of an enumeration as `FinishReason.MAX_TOKENS`; the AI SDK has `tool-calls`.
 */
function known(wire: string): string {
  const word = wire.trim().toLowerCase().replaceAll('-', '_')
  const parts = word.split(/[:.]\s*/).reverse()
  return parts.find((part) => reasons.has(part) || failures.has(part)) ?? word
}

/**
 * An upstream's word for an end; one we do not know is an end all the same.
 * @throws ChatError where the word names a failure: what was said so far is no whole answer
 */
export function decodeFinish(wire: string): FinishReason {
  const word = known(wire)
  const failure = failures.get(word)
  if (failure)
    throw new ChatError(failure, { message: `The upstream broke off its answer with an error (its word: ${word}).` })
  return reasons.get(word) ?? 'other'
}

/**
 * The stop sequence that ended a choice, where the server names it: vLLM's `stop_reason`, SGLang's `matched_stop`. Both may be
 * a token's number too, and others have other words there, so only what was asked for counts.
 */
export function stopSequenceIn(choice: Fields, asked: readonly string[]): string | undefined {
  const { stop_reason: reason, matched_stop: matched } = choice
  return asked.find((sequence) => sequence === reason || sequence === matched)
}

/** Whether a model may have said nothing at all and end so: it was cut short, or kept from it. Gemini asks to try a recitation again. */
export function explainsSilence(wire: string): boolean {
  const word = known(wire)
  const reason = reasons.get(word)
  return reason === 'length' || (reason === 'content-filter' && !word.endsWith('recitation'))
}

const weights = ['other', 'stop', 'tool-calls', 'length', 'content-filter'] as const satisfies readonly FinishReason[]

/** Of two ends named one after the other, whether the second says more: `stop` often follows the end that says why. */
export function saysMore(later: string, earlier: string): boolean {
  return weightOf(later) > weightOf(earlier)
}

function weightOf(wire: string): number {
  const word = known(wire)
  return failures.has(word) ? weights.length : weights.indexOf(reasons.get(word) ?? 'other')
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
