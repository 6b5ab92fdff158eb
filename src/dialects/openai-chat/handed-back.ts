import type { Fields } from '../../chat/message.ts'
import { isFields, nestedRest, ownMember, rest } from '../fields.ts'
import { fieldOfThinking, isEmpty } from './contents.ts'
import type { WireToolDelta } from './wire-calls.ts'
import type { WireDelta } from './wire-reply.ts'

/** Members of an answer that the events already contain. */
const said = ['role', 'content', 'refusal', 'reasoning_content', 'tool_calls', 'function_call']

/** Returns the fields of a delta, or of a whole message, that must be sent back with the answer: signatures, encrypted reasoning, sources. */
export function extraOfAnswer(delta: WireDelta): Fields | undefined {
  const extra = rest(delta, fieldOfThinking(delta) ? [...said, 'reasoning'] : said)
  if (!extra || !Object.values(extra).some(isEmpty)) return extra
  const full = Object.entries(extra).filter(([, value]) => !isEmpty(value))
  return full.length > 0 ? Object.fromEntries(full) : undefined
}

/** Returns the fields that must be sent back with a tool call. Gemini 3 refuses a call without its signature. Google, thought signatures */
export function extraOfCall(delta: WireToolDelta): Fields | undefined {
  if (delta.custom && !delta.function) return undefined
  return nestedRest(delta, 'function', ['index', 'id', 'type', 'custom'], ['name', 'arguments'])
}

/** The fields that were gathered from the deltas of an answer or of a tool call. */
export interface Gathered {
  readonly fields?: Fields
  /** Size of the fields as JSON. */
  readonly characters: number
  /** Members that became too large. They are not sent back at all, because half a signature is invalid. */
  readonly lost: ReadonlySet<string>
}

export const nothing: Gathered = { characters: 0, lost: new Set() }
/** Marks an answer with too many members. None of them is sent back. */
const tooMuch: Gathered = { characters: 0, lost: new Set() }

/** Limit for an answer's extra as JSON. */
const maxCharacters = 1024 * 1024
/** Limits for growing lists and objects, because every delta copies them. */
const maxItems = 256
const maxMembers = 128
const maxDepth = 16

/** Adds the fields of one more delta. */
export function gather(before: Gathered, more: Fields): Gathered {
  if (before === tooMuch) return before
  const { lost } = before
  const kept = lost.size > 0 ? Object.fromEntries(Object.entries(more).filter(([key]) => !lost.has(key))) : more
  const characters = before.characters + JSON.stringify(kept).length
  if (characters > maxCharacters) return dropMembers(before, Object.keys(kept))
  const { fields = kept, tooLarge } = before.fields ? joinMembers(before.fields, kept) : { tooLarge: [] }
  if (Object.keys(fields).length > maxMembers) return tooMuch
  const after = { fields, characters, lost }
  return tooLarge.length > 0 ? dropMembers(after, tooLarge) : after
}

function joinMembers(before: Fields, more: Fields) {
  const fields: Record<string, unknown> = { ...before }
  const tooLarge: string[] = []
  for (const [key, value] of Object.entries(more)) {
    if (key === '__proto__') continue
    fields[key] = joinValue(key, { before: ownMember(before, key), value, depth: 0 })
    if (fields[key] === undefined) tooLarge.push(key)
  }
  return { fields, tooLarge }
}

function dropMembers({ fields = {}, lost }: Gathered, tooLarge: readonly string[]): Gathered {
  const all = new Set([...lost, ...tooLarge])
  if (all.size > maxMembers) return tooMuch
  const others = Object.entries(fields).filter(([key]) => !all.has(key))
  if (others.length === 0) return { characters: 0, lost: all }
  const left = Object.fromEntries(others)
  return { fields: left, characters: JSON.stringify(left).length, lost: all }
}

/** Joins earlier fields with those of one more delta, as the official clients do. Returns undefined if the result is too large. */
function joinFields(before: Fields, more: Fields, depth: number): Fields | undefined {
  if (Object.keys(before).length > maxMembers) return undefined
  const joined: Record<string, unknown> = { ...before }
  for (const [key, value] of Object.entries(more)) {
    if (key === '__proto__') continue
    joined[key] = joinValue(key, { before: ownMember(before, key), value, depth })
    if (joined[key] === undefined) return undefined
  }
  return joined
}

interface Piece {
  readonly before: unknown
  readonly value: unknown
  readonly depth: number
}

/** Keys of texts that every delta may repeat, and keys of texts that grow. */
const identifyingKeys = ['id', 'type', 'format', 'object', 'role', 'model', 'url', 'name', 'mime_type']
const textKeys = ['text', 'summary', 'thinking', 'content', 'transcript', 'reasoning', 'data']

/** Returns undefined if the value is too large. */
function joinValue(key: string, { before, value, depth }: Piece): unknown {
  if (before === undefined) return value
  if (value === null || value === undefined) return before
  if (typeof before === 'string' && typeof value === 'string') {
    const isRepeated = identifyingKeys.includes(key) || (before === value && !textKeys.includes(key))
    return isRepeated ? value : before + value
  }
  if (depth > maxDepth) return value
  if (Array.isArray(before) && Array.isArray(value)) return joinLists(before, value, depth)
  return isFields(before) && isFields(value) ? joinFields(before, value, depth + 1) : value
}

/** Joins a list that comes in pieces. An item with an index continues the item of the same type with that index. OpenRouter, `reasoning_details` */
function joinLists(
  before: readonly unknown[],
  items: readonly unknown[],
  depth: number,
): readonly unknown[] | undefined {
  if (before.length > maxItems) return undefined
  const list = [...before]
  for (const item of items) {
    const at = isFields(item)
      ? list.findLastIndex((other, place) => continues(other, item, place === list.length - 1))
      : -1
    const known = list[at]
    const joined = isFields(known) && isFields(item) ? joinFields(known, item, depth + 1) : item
    if (joined === undefined) return undefined
    if (at !== -1) list[at] = joined
    else if (list.length < maxItems) list.push(item)
  }
  return list
}

/** Types of reasoning that come word by word. Without an index they continue the last item. */
const wordByWord = ['reasoning.text', 'reasoning.summary']

function continues(other: unknown, item: Fields, isLast: boolean): boolean {
  if (!isFields(other) || (isPresent(item.type) && other.type !== item.type)) return false
  if (isPresent(other.id) && isPresent(item.id) && other.id !== item.id) return false
  if (isPresent(item.index) || isPresent(other.index)) return other.index === item.index
  return isLast && typeof item.type === 'string' && wordByWord.includes(item.type)
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}
