import type { Fields } from '../../chat/message.ts'
import type { JsonContainer } from './closing-quote.ts'
import { JsonMender, type JsonSink } from './json-mender.ts'

interface OpenValue {
  readonly container: JsonContainer
  /** The members of an object, or the items of a list under their numbers. */
  readonly members: [name: string, value: unknown][]
  key: string
}

/** Builds the value that it is told of. */
export class JsonBuilder implements JsonSink {
  readonly #open: OpenValue[] = []
  #texts: string[] = []
  value: unknown

  open(container: JsonContainer): void {
    this.#open.push({ container, members: [], key: '' })
  }

  close(): void {
    const ended = this.#open.pop()
    if (!ended) return
    const { container, members } = ended
    this.#add(container === 'list' ? members.map(([, value]) => value) : Object.fromEntries(members))
  }

  key(name: string): void {
    const inner = this.#open.at(-1)
    if (inner) inner.key = name
  }

  startText(): void {
    this.#texts = []
  }

  text(piece: string): void {
    this.#texts.push(piece)
  }

  endText(): void {
    this.#add(this.#texts.join(''))
  }

  literal(json: string): void {
    this.#add(JSON.parse(json))
  }

  #add(value: unknown): void {
    const inner = this.#open.at(-1)
    if (inner) inner.members.push([inner.key, value])
    else this.value = value
  }
}

/** Reads JSON as models write it. @returns undefined if it cannot be understood, or if something follows it */
export function readLooseJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    const builder = new JsonBuilder()
    const mender = new JsonMender(builder)
    mender.push(text)
    if (!mender.isDone) mender.end()
    return mender.isDone && mender.rest.trim() === '' ? { value: builder.value } : undefined
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
