import type { Native } from '../../chat/event.ts'
import type { Fields, Part, ServerToolCallPart, ServerToolResultPart } from '../../chat/message.ts'
import type { Answer } from '../../flow/fold.ts'
import { isFields } from '../fields.ts'
import { replaceMembers } from '../json-members.ts'
import { citationsIn } from './citation.ts'
import { encodeInput } from './decode-blocks.ts'
import { dialect } from './dialect.ts'
import { headOf, messageOf } from './message-of.ts'
import { stopOf } from './stop-reason.ts'
import { encodeUsage, hasCount } from './usage.ts'

interface MessageHead {
  /** The id of the request. */
  readonly id: string
  /** The client's name of the model. */
  readonly model: string
}

/** A message as JSON, or as a value. */
export type MessageJson = { readonly json: string } | { readonly value: Fields }

/** Writes a whole answer. A message of an upstream of this dialect is relayed with only its id and model changed. */
export function writeAnswer(answer: Answer, head: MessageHead): MessageJson {
  const { reply } = answer
  if (!reply || !canRelay(reply, answer)) return { value: encodeAnswer(answer, head) }
  const ours = headOf(head)
  const json = reply.json === undefined ? undefined : withHead(reply.json, reply.value, ours)
  return json === undefined ? { value: { ...reply.value, ...ours } } : { json }
}

/** Replaces the id and the model. They are looked for only if the JSON does not begin with them as JSON.stringify writes it. */
function withHead(json: string, value: Fields, ours: Fields): string | undefined {
  const head: Record<string, unknown> = {}
  for (const name in value) {
    if ('id' in head && 'model' in head) break
    if (name === 'content') return undefined
    head[name] = value[name]
  }
  const theirs = JSON.stringify(head).slice(0, -1)
  return json.startsWith(theirs)
    ? JSON.stringify({ ...head, ...ours }).slice(0, -1) + json.slice(theirs.length)
    : replaceMembers(json, ours, 'content')
}

/** Whether a message needs no change but its head, as most do. */
function canRelay({ dialect: theirs, value }: Native, { usage }: Answer): boolean {
  if (theirs !== dialect || value.role !== 'assistant' || typeof value.stop_reason !== 'string') return false
  if (!usage || !hasCount(value.usage, 'input_tokens') || !hasCount(value.usage, 'output_tokens')) return false
  const { content } = value
  if (!Array.isArray(content) || !content.every(isBlock)) return false
  return value.stop_reason !== 'end_turn' || !content.some(({ type }) => type === 'tool_use')
}

function isBlock(block: unknown): block is Fields {
  return isFields(block) && typeof block.type === 'string'
}

/** Writes a whole answer as a message. The dialect has one choice. */
export function encodeAnswer({ choices, usage }: Answer, { id, model }: MessageHead): Fields {
  const [choice] = choices
  const parts = choice?.parts ?? []
  const stop = stopOf({
    reason: choice?.finish ?? 'other',
    stopSequence: choice?.stopSequence,
    isRefused: parts.some(({ type }) => type === 'refusal'),
    extra: choice?.extra,
  })
  return messageOf({ id, model, content: parts.flatMap(encodePart), stop, usage: encodeUsage(usage) })
}

/** Writes a block. Sounds and files have none, and an empty text is left out. */
function encodePart(part: Part): readonly Fields[] {
  switch (part.type) {
    case 'text':
      return encodeText(part.text, citationsIn(part.annotations))
    case 'refusal':
      return encodeText(part.text, [])
    case 'reasoning':
      return encodeThinking(part.text, part.extra?.[dialect])
    case 'tool-call':
      return [{ type: 'tool_use', id: part.id, name: part.name, input: encodeInput(part.arguments) }]
    case 'server-tool-call':
    case 'server-tool-result':
      return encodeServerTool(part)
    default:
      return []
  }
}

function encodeText(text: string, citations: readonly Fields[]): readonly Fields[] {
  if (text === '' && citations.length === 0) return []
  return [{ type: 'text', text, citations: citations.length > 0 ? citations : null }]
}

/** Writes the call of a tool that Anthropic ran, or its result. Those of another service are not shown. */
function encodeServerTool(part: ServerToolCallPart | ServerToolResultPart): readonly Fields[] {
  const own = part.extra?.[dialect]
  if (!own || part.type === 'server-tool-result') return own ? [own] : []
  return [{ ...own, id: part.id, name: part.name, input: encodeInput(part.arguments) }]
}

/** A signature must come back as it was, and a model that makes none has an empty one. */
function encodeThinking(thinking: string, { redacted, signature }: Fields = {}): readonly Fields[] {
  if (typeof redacted === 'string' && thinking === '') return [{ type: 'redacted_thinking', data: redacted }]
  const signed = typeof signature === 'string' ? signature : ''
  return thinking === '' && signed === '' ? [] : [{ type: 'thinking', thinking, signature: signed }]
}
