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
  if (!extra) return undefined
  const empty = Object.keys(extra).filter((key) => isEmpty(extra[key]))
  return empty.length > 0 ? rest(extra, empty) : extra
}

/** What a call has to be handed back with: Gemini 3 refuses a call without the signature it came with. Google, thought signatures */
export function extraOfCall(delta: WireToolDelta): Fields | undefined {
  if (delta.custom && !delta.function) return undefined
  return nestedRest(delta, 'function', ['index', 'id', 'type', 'custom'], ['name', 'arguments'])
}

/** What has been gathered of the deltas of an answer, or of a call. */
export interface Gathered {
  readonly fields?: Fields
  /** That it took as JSON, and the members that took too many. */
  readonly characters: number
  readonly lost: readonly string[]
}

export const nothing: Gathered = { characters: 0, lost: [] }

/** Characters of an answer's extra, as JSON; and items of a list in it. */
const maxCharacters = 1024 * 1024
const maxItems = 1_024
const maxDepth = 16

/** Takes one more delta in. A member that outgrows what is kept is not handed back at all: half a signature is wrong. */
export function gather({ fields, characters, lost }: Gathered, more: Fields): Gathered {
  const kept = lost.length > 0 ? (rest(more, lost) ?? {}) : more
  const sum = characters + JSON.stringify(kept).length
  if (sum <= maxCharacters) return { fields: grown(fields, kept), characters: sum, lost }
  const members = [...lost, ...Object.keys(kept)]
  const others = fields && rest(fields, members)
  return { ...(others && { fields: others }), characters: others ? JSON.stringify(others).length : 0, lost: members }
}

/** What was said before with what one more delta says, joined as the official clients join deltas. */
function grown(before: Fields | undefined, more: Fields, depth = 0): Fields {
  if (!before) return more
  const joined: Record<string, unknown> = { ...before }
  for (const [key, value] of Object.entries(more)) joined[key] = grownValue(key, { before: before[key], value, depth })
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

function grownValue(key: string, { before, value, depth }: Piece): unknown {
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
function withItems(before: readonly unknown[], items: readonly unknown[], depth: number): readonly unknown[] {
  const list = [...before]
  for (const item of items) {
    const at = isFields(item)
      ? list.findLastIndex((other, place) => continues(other, item, place === list.length - 1))
      : -1
    const known = list[at]
    if (isFields(known) && isFields(item)) list[at] = grown(known, item, depth + 1)
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
