import { isUtf8 } from 'node:buffer'
import type { Native } from '../../chat/event.ts'
import { type Fields, textOf } from '../../chat/message.ts'
import type { Answer, Choice } from '../../flow/fold.ts'
import { isFields } from '../fields.ts'
import { encodeAnnotation } from './annotation.ts'
import { secondsIn } from './created.ts'
import { dialect } from './dialect.ts'
import { encodeBesideContent, encodeToolCall } from './encode-request.ts'
import type { EncodeOptions } from './encode-stream.ts'
import { encodeFinish } from './finish-reason.ts'
import { isPlainUsage } from './plain-usage.ts'
import { encodeUsage } from './usage.ts'

/** The members of a completion that are not in its answer. */
type CompletionHead = Omit<EncodeOptions, 'includeUsage'>

/** A completion as JSON, or as a value. The JSON is a text, or bytes if it is long. */
export type CompletionJson = { readonly json: WrittenJson } | { readonly value: Fields }
type WrittenJson = string | readonly Uint8Array[]

/** Writes a whole completion. A whole reply of an upstream of this dialect keeps its own JSON if only its head must change. */
export function writeAnswer(answer: Answer, head: CompletionHead): CompletionJson {
  const json = canRelay(answer) ? relayJson(answer.reply, head) : undefined
  return json === undefined ? { value: encodeAnswer(answer, head) } : { json }
}

/** Encodes a whole completion. A whole reply of an upstream of this dialect is relayed with only its id and model changed. */
export function encodeAnswer(answer: Answer, head: CompletionHead): Fields {
  if (!canRelay(answer)) return encodeChoices(answer, head)
  const { value } = answer.reply
  return { ...value, ...newHead(value, head) }
}

/** Returns the reply's JSON with another head. Returns undefined unless it begins with the members of the head. */
function relayJson({ value, json, bytes }: Native, head: CompletionHead): WrittenJson | undefined {
  const { id, object, created, model } = value
  const theirs = headJson({ id, object, created, model })
  const ours = headJson(newHead(value, head))
  if (json !== undefined) return json.startsWith(theirs) ? ours + json.slice(theirs.length) : undefined
  return bytes && replaceStart(bytes, theirs, ours)
}

/** The beginning of a completion's JSON, as most services write it. */
function headJson(head: Fields): string {
  return `${JSON.stringify(head).slice(0, -1)},`
}

function replaceStart(bytes: Uint8Array, from: string, to: string): readonly Uint8Array[] | undefined {
  const start = Buffer.from(from)
  const isSame = start.equals(bytes.subarray(0, start.byteLength))
  // a client does not expect bytes that are no text
  return isSame && isUtf8(bytes) ? [Buffer.from(to), bytes.subarray(start.byteLength)] : undefined
}

function newHead({ created: theirs }: Fields, { id, model, created }: CompletionHead): Fields {
  return { id, object: 'chat.completion', created: secondsIn(theirs) ?? created, model }
}

/** Whether an answer is a reply that needs no change but its head, as most are. */
function canRelay(answer: Answer): answer is Answer & { readonly reply: Native } {
  const { reply, usage } = answer
  if (reply?.dialect !== dialect) return false
  const { value } = reply
  const isCounted = usage ? isFields(value.usage) && isPlainUsage(value.usage) : value.usage === undefined
  return isCounted && Array.isArray(value.choices) && value.choices.every(isComplete)
}

/** Whether a choice has all members that typed clients require. */
function isComplete(choice: unknown): boolean {
  if (!isFields(choice) || !isFields(choice.message)) return false
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
