import type { Fields } from '../../chat/message.ts'
import { fieldOfThinking, isEmpty } from './contents.ts'
import { isFields, nestedRest, rest } from './fields.ts'
import type { WireToolDelta } from './wire-calls.ts'
import type { WireDelta } from './wire-reply.ts'

/** Members of an answer that the vocabulary holds, or that mean nothing once the answer is over. */
const said = ['role', 'content', 'refusal', 'reasoning_content', 'tool_calls', 'function_call']

/** What an answer has to be handed back with, of one delta or of a whole message: signatures, encrypted thoughts, sources. */
export function extraOfAnswer(delta: WireDelta): Fields | undefined {
  const extra = rest(delta, fieldOfThinking(delta) ? [...said, 'reasoning'] : said)
  if (!extra || !Object.values(extra).some(isEmpty)) return extra
  const full = Object.entries(extra).filter(([, value]) => !isEmpty(value))
  return full.length > 0 ? Object.fromEntries(full) : undefined
}

/** What a call has to be handed back with: Gemini 3 refuses a call without the signature it came with. Google, thought signatures */
export function extraOfCall(delta: WireToolDelta): Fields | undefined {
  if (delta.custom && !delta.function) return undefined
  return nestedRest(delta, 'function', ['index', 'id', 'type', 'custom'], ['name', 'arguments'])
}

/** What has been gathered of the deltas of an answer, or of a call. */
export interface Gathered {
  readonly fields?: Fields
  /** That it took as JSON. */
  readonly characters: number
  /** Members that took too much: they are not handed back at all, for half a signature is wrong. */
  readonly lost: ReadonlySet<string>
}

export const nothing: Gathered = { characters: 0, lost: new Set() }
/** Of an answer with so many members that none of them can be meant to be handed back. */
const tooMuch: Gathered = { characters: 0, lost: new Set() }

/** Characters of an answer's extra, as JSON. */
const maxCharacters = 1024 * 1024
/** Items of a list and members of an object that grow: every delta copies them. */
const maxItems = 256
const maxMembers = 128
const maxDepth = 16

/** Takes one more delta in. */
export function gather(before: Gathered, more: Fields): Gathered {
  if (before === tooMuch) return before
  const { lost } = before
  const kept = lost.size > 0 ? Object.fromEntries(Object.entries(more).filter(([key]) => !lost.has(key))) : more
  const characters = before.characters + JSON.stringify(kept).length
  if (characters > maxCharacters) return lose(before, Object.keys(kept))
  const { fields = kept, outgrown } = before.fields ? joinedMembers(before.fields, kept) : { outgrown: [] }
  if (Object.keys(fields).length > maxMembers) return tooMuch
  const after = { fields, characters, lost }
  return outgrown.length > 0 ? lose(after, outgrown) : after
}

function joinedMembers(before: Fields, more: Fields) {
  const fields: Record<string, unknown> = { ...before }
  const outgrown: string[] = []
  for (const [key, value] of Object.entries(more)) {
    fields[key] = grownValue(key, { before: before[key], value, depth: 0 })
    if (fields[key] === undefined) outgrown.push(key)
  }
  return { fields, outgrown }
}

function lose({ fields = {}, lost }: Gathered, outgrown: readonly string[]): Gathered {
  const all = new Set([...lost, ...outgrown])
  if (all.size > maxMembers) return tooMuch
  const others = Object.entries(fields).filter(([key]) => !all.has(key))
  if (others.length === 0) return { characters: 0, lost: all }
  const left = Object.fromEntries(others)
  return { fields: left, characters: JSON.stringify(left).length, lost: all }
}

/** What was said before with what one more delta says, joined as the official clients join deltas; undefined for too much. */
function grown(before: Fields, more: Fields, depth: number): Fields | undefined {
  if (Object.keys(before).length > maxMembers) return undefined
  const joined: Record<string, unknown> = { ...before }
  for (const [key, value] of Object.entries(more)) {
    joined[key] = grownValue(key, { before: before[key], value, depth })
    if (joined[key] === undefined) return undefined
  }
  return joined
}

interface Piece {
  readonly before: unknown
  readonly value: unknown
  readonly depth: number
}

/** Texts that name something, and that every delta may repeat; and texts whose words may repeat. */
const fixed = ['id', 'type', 'format', 'object', 'role', 'model', 'url', 'name', 'mime_type']
const wordy = ['text', 'summary', 'thinking', 'content', 'transcript', 'reasoning', 'data']

/** Undefined where it has grown too much to be gathered. */
function grownValue(key: string, { before, value, depth }: Piece): unknown {
  if (before === undefined) return value
  if (value === null || value === undefined) return before
  if (typeof before === 'string' && typeof value === 'string') {
    const isRepeated = fixed.includes(key) || (before === value && !wordy.includes(key))
    return isRepeated ? value : before + value
  }
  if (depth > maxDepth) return value
  if (Array.isArray(before) && Array.isArray(value)) return withItems(before, value, depth)
  return isFields(before) && isFields(value) ? grown(before, value, depth + 1) : value
}

/** A list in pieces: an item that names its place continues the item of its kind there. OpenRouter, `reasoning_details` */
function withItems(
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
    const joined = isFields(known) && isFields(item) ? grown(known, item, depth + 1) : item
    if (joined === undefined) return undefined
    if (at !== -1) list[at] = joined
    else if (list.length < maxItems) list.push(item)
  }
  return list
}

/** Kinds of thoughts that come word by word: without a place they continue the last item. */
const wordByWord = ['reasoning.text', 'reasoning.summary']

function continues(other: unknown, item: Fields, isLast: boolean): boolean {
  if (!isFields(other) || (isSaid(item.type) && other.type !== item.type)) return false
  if (isSaid(other.id) && isSaid(item.id) && other.id !== item.id) return false
  if (isSaid(item.index) || isSaid(other.index)) return other.index === item.index
  return isLast && typeof item.type === 'string' && wordByWord.includes(item.type)
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null
}
