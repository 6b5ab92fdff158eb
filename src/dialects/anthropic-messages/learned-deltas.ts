import type { Native } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'
import { absentFrom, endsPlainText, parsed } from '../openai-chat/learned-chunks.ts'
import { dialect } from './dialect.ts'

/** Limit for the characters of a delta that is learned, or recognised. */
const maxLength = 8_192
/** What follows the text in the documented form, where it is the last member. */
const ending = '"}}'

/**
 * The deltas of an open block that differ only in their text, as nearly all do. The first one is read in full, and what stands before
 * its text is learned. A later one that begins and ends in the same way is not parsed. Anthropic pads its deltas with spaces
 * before the last brace.
 */
export class LearnedDeltas {
  #before = ''
  #index = 0

  forget(): void {
    this.#before = ''
  }

  /** Learns from a delta that has nothing but a text. @param value the value of the JSON, which has been read in full */
  learn(json: string, value: Fields): void {
    const { index, delta } = value
    if (this.#before !== '' || json.length > maxLength || typeof index !== 'number' || !isFields(delta)) return
    const name = delta.type === 'text_delta' ? 'text' : 'thinking'
    const literal = JSON.stringify(delta[name])
    const at = json.lastIndexOf(literal)
    if (at === -1) return
    const before = json.slice(0, at + 1)
    const mark = absentFrom(json)
    const expected = { ...value, delta: { ...delta, [name]: mark } }
    if (!Bun.deepEquals(parsed(before + mark + ending), expected, true)) return
    // a copy, because a slice keeps the memory of the whole text
    this.#before = Buffer.from(before).toString()
    this.#index = index
  }

  /** Returns the delta if only its text is new. Any other one must be read in full. */
  find(json: string): LearnedDelta | undefined {
    const before = this.#before
    if (before === '' || json.length > maxLength || !json.startsWith(before)) return undefined
    let end = before.length
    while (end < json.length && !endsPlainText(json.charCodeAt(end))) end++
    if (end === before.length || !endsAt(json, end)) return undefined
    return new LearnedDelta(this.#index, json.slice(before.length, end), json)
  }
}

const brace = 0x7d
const space = 0x20

/** Whether nothing but the ending follows, with spaces before its last brace. */
function endsAt(json: string, at: number): boolean {
  const last = json.length - 1
  if (last < at + 2 || !json.startsWith('"}', at) || json.charCodeAt(last) !== brace) return false
  for (let between = at + 2; between < last; between++) if (json.charCodeAt(between) !== space) return false
  return true
}

/** A delta that differs from an earlier one only in its text. */
export class LearnedDelta implements Native {
  readonly dialect = dialect
  readonly form = 'chunk'
  /** The index of its block. */
  readonly index: number
  readonly text: string
  readonly json: string

  constructor(index: number, text: string, json: string) {
    this.index = index
    this.text = text
    this.json = json
  }

  get value(): Fields {
    return parsed(this.json) ?? {}
  }
}
