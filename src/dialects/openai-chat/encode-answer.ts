import { type Fields, textOf } from '../../chat/message.ts'
import type { Answer, Choice } from '../../flow/fold.ts'
import { encodeAnnotation } from './annotation.ts'
import { secondsIn } from './created.ts'
import { dialect } from './dialect.ts'
import { encodeBesideContent, encodeToolCall } from './encode-request.ts'
import type { EncodeOptions } from './encode-stream.ts'
import { isFields } from './fields.ts'
import { encodeFinish } from './finish-reason.ts'
import { isPlainUsage } from './plain-usage.ts'
import { encodeUsage } from './usage.ts'

/** The members of a completion that are not in its answer. */
type CompletionHead = Omit<EncodeOptions, 'includeUsage'>

/** Writes a whole completion. A whole reply of an upstream of this dialect is relayed with only its id and model changed. */
export function encodeAnswer(answer: Answer, options: CompletionHead): Fields {
  return relayReply(answer, options) ?? encodeChoices(answer, options)
}

/**
 * Relays a reply that needs no change but its head, as most do. Returns undefined for any other answer.
 */
function relayReply({ reply, usage }: Answer, { id, model, created }: CompletionHead): Fields | undefined {
  if (reply?.dialect !== dialect) return undefined
  const { value } = reply
  const isCounted = usage ? isFields(value.usage) && isPlainUsage(value.usage) : value.usage === undefined
  if (!isCounted || !Array.isArray(value.choices) || !value.choices.every(isComplete)) return undefined
  return { ...value, id, object: 'chat.completion', created: secondsIn(value.created) ?? created, model }
}

/** Whether a choice has all members that typed clients require. */
function isComplete(choice: unknown, at: number): boolean {
  if (!isFields(choice) || choice.index !== at || !isFields(choice.message)) return false
  const { role, content } = choice.message
  return typeof role === 'string' && role !== '' && content !== undefined
}

function encodeChoices(answer: Answer, { id, model, created }: CompletionHead): Fields {
  const native = answer.choices[0]?.native?.value
  const usage = answer.usage ? { usage: encodeUsage(answer.usage) } : {}
  if (!native || !answer.choices.every((choice) => isRelayable(choice))) {
    return { id, object: 'chat.completion', created, model, choices: answer.choices.map(encodeChoice), ...usage }
  }
  const { usage: _, ...others } = native
  return {
    ...others,
    id,
    object: 'chat.completion',
    created: secondsIn(native.created) ?? created,
    model,
    choices: answer.choices.map(relayChoice),
    ...usage,
  }
}

function isRelayable(choice: Choice): boolean {
  return choice.native?.dialect === dialect && nativeChoices(choice).length > 0
}

function nativeChoices(choice: Choice): readonly unknown[] {
  const choices = choice.native?.value.choices
  return Array.isArray(choices) ? choices : []
}

/** Relays a choice of its native reply: the one with the same index, or the first if each choice came in its own reply. */
function relayChoice(choice: Choice): Fields {
  const choices = nativeChoices(choice).filter(isFields)
  const mine = choices.find((native) => native.index === choice.index) ?? choices[0]
  const message = isFields(mine?.message) ? mine.message : {}
  const hasRole = typeof message.role === 'string' && message.role !== ''
  return {
    ...mine,
    index: choice.index,
    // typed clients require both members
    message: { role: 'assistant', content: null, ...message, ...(!hasRole && { role: 'assistant' }) },
  }
}

function encodeChoice(choice: Choice): Fields {
  const { parts } = choice
  const text = textOf(parts)
  const calls = parts.filter((part) => part.type === 'tool-call')
  const { refusal, ...thoughts } = encodeBesideContent(parts)
  const annotations = parts.flatMap((part) => (part.type === 'text' ? (part.annotations ?? []) : []))
  const message = {
    role: 'assistant',
    content: text === '' && (calls.length > 0 || refusal) ? null : text,
    refusal: refusal || null,
    ...thoughts,
    ...(annotations.length > 0 && { annotations: annotations.map(encodeAnnotation) }),
    ...(calls.length > 0 && { tool_calls: calls.map((call) => encodeToolCall(call)) }),
    ...choice.extra?.[dialect],
  }
  return {
    index: choice.index,
    message,
    logprobs: joinLogprobs(choice.logprobs),
    finish_reason: encodeFinish(choice.finish),
  }
}

/** Joins the chunks' `{ content: [...], refusal: [...] }`. */
function joinLogprobs(chunks: readonly unknown[]): Fields | null {
  if (chunks.length === 0) return null
  const parts = chunks.filter(isFields)
  const joined = (key: string) => parts.flatMap((part) => (Array.isArray(part[key]) ? part[key] : []))
  const refusal = joined('refusal')
  return { content: joined('content'), refusal: refusal.length > 0 ? refusal : null }
}
