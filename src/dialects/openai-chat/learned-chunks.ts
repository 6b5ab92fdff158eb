import type { Native } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'
import { dialect } from './dialect.ts'
import { type PlainText, plainTextIn } from './plain-text.ts'

/** Limits for the characters of a chunk that is learned, and of a text that a template recognises. */
const maxChunkLength = 4_096
const maxTextLength = 4_096
/** Choices of a stream come in turns, and each has its own template. */
const maxTemplates = 4
/** To learn takes as long as to read some chunks, so a stream whose chunks always differ soon stops learning. */
const learningCost = 16
const maxCredit = 4 * learningCost

/**
 * The chunks of a stream that differ only in their text, as most do. The first such chunk is read in full, and what stands
 * around its text is learned. A later chunk with the same surroundings is not parsed.
 */
export class LearnedChunks {
  /** The latest one is the first. */
  readonly #templates: ChunkTemplate[] = []
  #credit = maxCredit

  /** Returns the chunk if only its text is new. Any other chunk must be read in full. */
  find(json: string): LearnedChunk | undefined {
    for (const template of this.#templates) {
      const text = template.textIn(json)
      if (text === undefined) continue
      if (this.#credit < maxCredit) this.#credit++
      return new LearnedChunk(template, text)
    }
    return undefined
  }

  /** @param plain what the full reader found in the JSON */
  learn(json: string, plain: PlainText): void {
    if (this.#credit < learningCost || json.length > maxChunkLength) return
    this.#credit -= learningCost
    const template = templateOf(json, plain)
    if (!template) return
    this.#templates.unshift(template)
    if (this.#templates.length > maxTemplates) this.#templates.pop()
  }
}

/** A chunk that differs from its template only in its text. */
export class LearnedChunk implements Native {
  readonly dialect = dialect
  readonly form = 'chunk'
  readonly template: ChunkTemplate
  readonly text: string
  #value: Fields | undefined

  constructor(template: ChunkTemplate, text: string) {
    this.template = template
    this.text = text
  }

  get json(): string {
    return this.template.with(this.text)
  }

  get value(): Fields {
    this.#value ??= parsed(this.json) ?? {}
    return this.#value
  }
}

/** What stands around the text of a chunk. */
export class ChunkTemplate {
  readonly choice: number
  readonly #before: string
  readonly #after: string

  constructor(choice: number, before: string, after: string) {
    this.choice = choice
    this.#before = withoutParent(before)
    this.#after = withoutParent(after)
  }

  /** The JSON of the chunk with another text. */
  with(text: string): string {
    return this.#before + text + this.#after
  }

  /** Returns the text of a chunk if it stands in its JSON as it is; undefined for any other chunk. */
  textIn(json: string): string | undefined {
    const from = this.#before.length
    const to = json.length - this.#after.length
    if (to <= from || to - from > maxTextLength) return undefined
    if (!json.startsWith(this.#before) || !json.endsWith(this.#after)) return undefined
    for (let at = from; at < to; at++) if (endsPlainText(json.charCodeAt(at))) return undefined
    const text = json.slice(from, to)
    return text.isWellFormed() ? text : undefined
  }
}

/** Whether a character ends a text in JSON, begins an escape, or is not allowed in JSON. */
export function endsPlainText(code: number): boolean {
  return code === 0x22 || code === 0x5c || code < 0x20
}

/** Finds the place of the text. The same letters may also stand elsewhere in the chunk, so each place is tried. */
function templateOf(json: string, { choice, text }: PlainText): ChunkTemplate | undefined {
  const literal = JSON.stringify(text)
  const mark = absentFrom(json)
  for (let at = json.indexOf(literal), tries = 0; at !== -1 && tries < maxTries; at = json.indexOf(literal, at + 1)) {
    const template = new ChunkTemplate(choice, json.slice(0, at + 1), json.slice(at + literal.length - 1))
    const value = parsed(template.with(mark))
    const found = value && plainTextIn(value)
    if (found?.text === mark && found.choice === choice) return template
    tries++
  }
  return undefined
}

const maxTries = 4

/** Returns a text without special characters that is not in the other one. */
export function absentFrom(text: string): string {
  let mark = '@text@'
  while (text.includes(mark)) mark += '@'
  return mark
}

export function parsed(json: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Copies a text, because a slice keeps the memory of the whole text, and its wide characters if there are any. */
function withoutParent(text: string): string {
  return Buffer.from(text).toString()
}
