import type { Fields } from '../../chat/message.ts'
import { tooLarge } from '../../wire/reply-limits.ts'
import { isFields } from './fields.ts'
import { endIn } from './finish-reason.ts'
import { badResponse } from './reply-errors.ts'
import { readCalls, type WireToolDelta, wholeNumber } from './wire-calls.ts'

// Replies are read by hand and not by a schema: what is odd has to be understood rather than refused, what is right has to
// be relayed as the same object, and a reply of a million wrong elements must cost no more than its first.

/** What a chunk adds, or a whole message: the same members, grown or whole. */
export interface WireDelta extends Fields {
  /** Text, or parts where an upstream sends reasoning among them. */
  readonly content?: unknown
  readonly refusal?: string | null
  readonly reasoning_content?: string | null
  readonly reasoning?: unknown
  readonly annotations?: readonly Fields[] | null
}

/** A choice of a chunk (its `delta`) or of a whole completion (its `message`), as far as it can be understood. */
export interface WireChoice {
  /** As it came. */
  readonly raw: Fields
  /** Which answer it is of; undefined where it does not say. */
  readonly index: number | undefined
  /** What it says: the member of `raw` itself, where that is right. */
  readonly said: WireDelta
  /** The calls in `said`; undefined for none. */
  readonly calls: readonly WireToolDelta[] | undefined
  /** The upstream's word for the end; undefined where it names none. */
  readonly end: string | undefined
  readonly logprobs: Fields | undefined
}

/** OpenAI allows as many answers to a request. */
const maxChoices = 128

/** The choices of a reply. @throws ChatError at the first that is no choice, or where there are too many */
export function choicesIn(value: unknown): readonly Fields[] {
  // Lua writes an empty list as an object
  if (!value || (isFields(value) && Object.keys(value).length === 0)) return []
  if (!Array.isArray(value)) throw badResponse()
  if (value.length > maxChoices) throw tooLarge(`has more than ${maxChoices} choices`)
  const choices: Fields[] = []
  for (const choice of value) {
    if (isFields(choice)) choices.push(choice)
    else if (choice !== null) throw badResponse()
  }
  return choices
}

/** @throws ChatError for too many calls */
export function readChoice(raw: Fields, form: 'chunk' | 'whole'): WireChoice {
  const said = saidIn(raw, form)
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
  // no request could have asked for so many answers
  return index === undefined || index < 0 || index >= maxChoices ? undefined : index
}

/** A chunk has a `delta`, a whole reply a `message`; upstreams that only pretend to stream send a `message` in a chunk. */
function saidIn({ delta, message }: Fields, form: 'chunk' | 'whole'): WireDelta {
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

/** What members of a delta must be; of another type they are as if they were not there. */
const members: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  // typed clients know of no other for an answer
  ['role', (value) => isNone(value) || value === '' || value === 'assistant'],
  ['refusal', isTextOrNone],
  ['reasoning_content', isTextOrNone],
  ['annotations', (value) => isNone(value) || (Array.isArray(value) && value.every(isFields))],
  ['tool_calls', (value) => isNone(value) || typeof value === 'object'],
])

function isDelta(value: Fields): value is WireDelta {
  for (const [name, isRight] of members) if (!isRight(value[name])) return false
  return true
}

function isTextOrNone(value: unknown): boolean {
  return isNone(value) || typeof value === 'string'
}

function isNone(value: unknown): boolean {
  return value === undefined || value === null
}
