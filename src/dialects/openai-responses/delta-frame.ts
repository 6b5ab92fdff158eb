import { membersIn } from '../json-members.ts'
import { endsPlainText } from '../openai-chat/learned-chunks.ts'

/** Limit for the characters of a delta that is learned. */
const maxLength = 8_192
const quote = 0x22

/** The members in which the deltas of one content part differ. `obfuscation` has random letters. OpenAI, Responses API, streaming events */
const varying: ReadonlyMap<string, Slot['kind']> = new Map([
  ['delta', 'text'],
  ['obfuscation', 'padding'],
  ['sequence_number', 'number'],
] as const)

interface Slot {
  readonly kind: 'text' | 'padding' | 'number'
  /** What stands before it. */
  readonly before: string
}

/** What stands in a delta around its text, its number and its padding. A later delta with the same frame need not be parsed. */
export class DeltaFrame {
  readonly #slots: readonly Slot[]
  readonly #after: string

  constructor(slots: readonly Slot[], after: string) {
    this.#slots = slots
    this.#after = after
  }

  /** Returns the text of a delta with this frame if it stands in its JSON as it is. Any other delta must be read in full. */
  textIn(json: string): string | undefined {
    let at = 0
    let text: string | undefined
    for (const { kind, before } of this.#slots) {
      if (!json.startsWith(before, at)) return undefined
      const from = at + before.length
      at = kind === 'number' ? endOfDigits(json, from) : endOfText(json, from)
      if (kind === 'text') text = json.slice(from, at)
    }
    const isSame = json.length === at + this.#after.length && json.startsWith(this.#after, at)
    return isSame ? text : undefined
  }
}

/** Learns the frame of a delta; undefined if one of its members stands there twice. @param json valid JSON */
export function frameOf(json: string): DeltaFrame | undefined {
  if (json.length > maxLength) return undefined
  const slots: Slot[] = []
  const names = new Set<string>()
  let end = 0
  for (const { name, valueFrom, valueTo } of membersIn(json)) {
    if (names.has(name)) return undefined
    names.add(name)
    const kind = varying.get(name)
    if (!kind) continue
    const isText = json.charCodeAt(valueFrom) === quote
    if (isText === (kind === 'number') || (!isText && endOfDigits(json, valueFrom) !== valueTo)) return undefined
    const inset = isText ? 1 : 0
    slots.push({ kind, before: copied(json.slice(end, valueFrom + inset)) })
    end = valueTo - inset
  }
  return names.has('delta') ? new DeltaFrame(slots, copied(json.slice(end))) : undefined
}

/** A slice keeps the memory of the whole text. */
function copied(text: string): string {
  return Buffer.from(text).toString()
}

function endOfText(json: string, from: number): number {
  let at = from
  while (at < json.length && !endsPlainText(json.charCodeAt(at))) at++
  return at
}

/** The end of a whole number as JSON has it; infinity, where nothing follows, if there is none. */
function endOfDigits(json: string, from: number): number {
  let at = from
  while (json.charCodeAt(at) >= zero && json.charCodeAt(at) <= nine) at++
  const isNumber = at === from + 1 || (at > from && json.charCodeAt(from) !== zero)
  return isNumber ? at : Number.POSITIVE_INFINITY
}

const zero = 0x30
const nine = 0x39
