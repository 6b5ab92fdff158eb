import type { Fields } from '../../chat/message.ts'
import { unknownReply } from '../../chat/reply-errors.ts'
import { tooLarge } from '../../wire/reply-limits.ts'
import { isFields } from '../fields.ts'
import { endIn } from './finish-reason.ts'
import { readCalls, type WireToolDelta, wholeNumber } from './wire-calls.ts'

// Replies are read without a schema for three reasons: an odd reply must be understood rather than refused, a valid one must
// be relayed as the same object, and a million wrong elements must cost no more than the first.

/** The delta of a chunk, or a whole message. Both have the same members. */
export interface WireDelta extends Fields {
  /** Text, or parts if an upstream sends reasoning among them. */
  readonly content?: unknown
  readonly refusal?: string | null
  readonly reasoning_content?: string | null
  readonly reasoning?: unknown
  readonly annotations?: readonly Fields[] | null
}

/** The readable parts of a choice of a chunk or of a whole completion. */
export interface WireChoice {
  /** The unchanged choice. */
  readonly raw: Fields
  /** The number of the choice; undefined if it has none. */
  readonly index: number | undefined
  /** Its delta or message: the original object of `raw`, unless it was repaired. */
  readonly said: WireDelta
  /** The tool calls in `said`; undefined if there are none. */
  readonly calls: readonly WireToolDelta[] | undefined
  /** The upstream's finish reason; undefined if there is none. */
  readonly end: string | undefined
  readonly logprobs: Fields | undefined
}

/** OpenAI allows this many choices of a request. */
const maxChoices = 128

/** Returns the choices of a reply. @throws ChatError for an invalid choice, or for too many */
export function choicesIn(value: unknown): readonly Fields[] {
  // Lua writes an empty list as an object
  if (!value || (isFields(value) && Object.keys(value).length === 0)) return []
  if (!Array.isArray(value)) throw unknownReply()
  if (value.length > maxChoices) throw tooLarge(`has more than ${maxChoices} choices`)
  const choices: Fields[] = []
  for (const choice of value) {
    if (isFields(choice)) choices.push(choice)
    else if (choice !== null) throw unknownReply()
  }
  return choices
}

/** @throws ChatError for too many tool calls */
export function readChoice(raw: Fields, form: 'chunk' | 'whole'): WireChoice {
  const said = readSaid(raw, form)
  return {
    raw,
    index: indexIn(raw.index),
    said,
    calls: said.tool_calls ? readCalls(said.tool_calls) : undefined,
    end: endIn(raw.finish_reason),
    logprobs: isFields(raw.logprobs) ? raw.logprobs : undefined,
  }
}

function indexIn(value: unknown): number | undefined {
  const index = wholeNumber(value)
  // no request can ask for that many choices
  return index === undefined || index < 0 || index >= maxChoices ? undefined : index
}

/** Returns the `delta` of a chunk or the `message` of a whole reply. Upstreams that only pretend to stream send a `message` in a chunk. */
function readSaid({ delta, message }: Fields, form: 'chunk' | 'whole'): WireDelta {
  if (form === 'chunk') return readDelta(delta) ?? readDelta(message) ?? {}
  const whole = readDelta(message)
  return whole && Object.keys(whole).length > 0 ? whole : (readDelta(delta) ?? whole ?? {})
}

function readDelta(value: unknown): WireDelta | undefined {
  if (typeof value === 'string' && value !== '') return { content: value }
  if (!isFields(value)) return undefined
  if (isDelta(value)) return value
  const kept = Object.fromEntries(Object.entries(value).filter(([name, member]) => members.get(name)?.(member) ?? true))
  return isDelta(kept) ? kept : undefined
}

/** The types of a delta's members. A member of another type is ignored. */
const members: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  // typed clients know no other role for an answer
  ['role', (value) => isAbsent(value) || value === '' || value === 'assistant'],
  ['refusal', isTextOrNone],
  ['reasoning_content', isTextOrNone],
  ['annotations', (value) => isAbsent(value) || (Array.isArray(value) && value.every(isFields))],
  ['tool_calls', (value) => isAbsent(value) || typeof value === 'object'],
])

function isDelta(value: Fields): value is WireDelta {
  for (const [name, isRight] of members) if (!isRight(value[name])) return false
  return true
}

function isTextOrNone(value: unknown): boolean {
  return isAbsent(value) || typeof value === 'string'
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null
}
