import { type JsonBounds, JsonCount, jsonBounds } from './json-bounds.ts'
import { isSpace, JsonCursor } from './json-cursor.ts'
import { type JsonReading, JsonStop, noJson, parseToken } from './json-reading.ts'
import { readString, tokenCost } from './json-string.ts'

declare global {
  interface JSON {
    /** Makes a value that `stringify` writes as exactly this text. */
    rawJSON(text: string): object
  }
}

type Container =
  | { readonly kind: 'list'; readonly items: unknown[] }
  | { readonly kind: 'object'; readonly fields: Record<string, unknown>; key: string }

/**
 * `exact` refuses invalid UTF-8, and keeps a number that would lose digits as `JSON.rawJSON`, so that it is written
 * with the same digits. `lenient` reads what `JSON.parse` reads from the decoded text.
 */
export type ReadingManner = 'exact' | 'lenient'

/** The tokens that may come next. */
type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' | 'nothing'

/** Limit for the bytes of a number. No service sends longer ones. */
const maxNumber = 1_024

/**
 * Reads JSON like `JSON.parse`, but in steps: `JSON.parse` blocks the event loop for 200 ms on 32 megabytes.
 */
export class JsonReader {
  readonly #cursor: JsonCursor
  readonly #count: JsonCount
  readonly #decoder: TextDecoder
  readonly #keepsDigits: boolean
  readonly #containers: Container[] = []
  #expected: Expected = 'value'
  #root: unknown

  constructor(bytes: Uint8Array, bounds: JsonBounds = jsonBounds, manner: ReadingManner = 'exact') {
    this.#cursor = new JsonCursor(bytes)
    this.#count = new JsonCount(bounds)
    this.#decoder = new TextDecoder('utf-8', { fatal: manner === 'exact', ignoreBOM: true })
    this.#keepsDigits = manner === 'exact'
  }

  /** Yields the number of bytes read so far after each step. */
  *steps(): Generator<number, JsonReading> {
    const cursor = this.#cursor
    try {
      for (;;) {
        const byte = cursor.skipSpace()
        if (byte === undefined) break
        if (byte === 0x22) yield* this.#text()
        else if (!isSpace(byte)) this.#token(byte)
        if (cursor.spend(tokenCost)) yield cursor.at
      }
      return this.#expected === 'nothing' ? { value: this.#root } : noJson.why
    } catch (thrown) {
      if (thrown instanceof JsonStop) return thrown.why
      throw thrown
    }
  }

  #token(byte: number): void {
    if (byte === 0x5b) this.#open({ kind: 'list', items: [] })
    else if (byte === 0x7b) this.#open({ kind: 'object', fields: {}, key: '' })
    else if (byte === 0x5d || byte === 0x7d) this.#close(byte === 0x5d ? 'list' : 'object')
    else if (byte === 0x2c) this.#comma()
    else if (byte === 0x3a) this.#colon()
    else this.#add(this.#scalar())
  }

  #open(container: Container): void {
    this.#cursor.at++
    const crossed = this.#count.open(container.kind === 'list')
    if (crossed) throw new JsonStop({ crossed })
    this.#add(container.kind === 'list' ? container.items : container.fields)
    this.#containers.push(container)
    this.#expected = container.kind === 'list' ? 'value or end' : 'key or end'
  }

  #close(kind: Container['kind']): void {
    this.#cursor.at++
    const end = kind === 'list' ? 'value or end' : 'key or end'
    const isExpected = this.#expected === 'comma or end' || this.#expected === end
    if (!isExpected || this.#containers.pop()?.kind !== kind) throw noJson
    this.#count.close()
    this.#expected = this.#containers.length > 0 ? 'comma or end' : 'nothing'
  }

  #comma(): void {
    this.#cursor.at++
    const container = this.#containers.at(-1)
    if (this.#expected !== 'comma or end' || !container) throw noJson
    const crossed = this.#count.comma()
    if (crossed) throw new JsonStop({ crossed })
    this.#expected = container.kind === 'list' ? 'value' : 'key'
  }

  #colon(): void {
    this.#cursor.at++
    if (this.#expected !== 'colon') throw noJson
    this.#expected = 'value'
  }

  /** Puts a value into the open list or object. */
  #add(value: unknown): void {
    if (this.#expected !== 'value' && this.#expected !== 'value or end') throw noJson
    const container = this.#containers.at(-1)
    if (!container) this.#root = value
    else if (container.kind === 'list') container.items.push(value)
    else if (container.key === '__proto__') define(container.fields, value)
    else container.fields[container.key] = value
    this.#expected = container ? 'comma or end' : 'nothing'
  }

  /** Reads a number, `true`, `false` or `null`. */
  #scalar(): unknown {
    const cursor = this.#cursor
    const start = cursor.at
    while (isOfScalar(cursor.bytes[cursor.at]) && cursor.at - start <= maxNumber) cursor.at++
    if (cursor.at === start || cursor.at - start > maxNumber) throw noJson
    const text = String.fromCharCode(...cursor.bytes.subarray(start, cursor.at))
    const value = parseToken(text)
    return this.#keepsDigits && typeof value === 'number' && losesDigits(text, value) ? JSON.rawJSON(text) : value
  }

  /** Reads a key or a string value. */
  *#text(): Generator<number, void> {
    const text = yield* readString(this.#cursor, this.#decoder)
    const container = this.#containers.at(-1)
    if (container?.kind === 'object' && (this.#expected === 'key' || this.#expected === 'key or end')) {
      container.key = text
      this.#expected = 'colon'
    } else this.#add(text)
  }
}

/** Sets `__proto__` as an ordinary member, as `JSON.parse` does. */
function define(fields: object, value: unknown): void {
  Object.defineProperty(fields, '__proto__', { value, enumerable: true, configurable: true, writable: true })
}

/** Letters, digits and `+-.`: the characters of numbers and of `true`, `false`, `null`. */
function isOfScalar(byte: number | undefined): boolean {
  if (byte === undefined) return false
  if (byte >= 0x30 && byte <= 0x39) return true
  return byte === 0x2b || byte === 0x2d || byte === 0x2e || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a)
}

/** Whether `JSON.stringify` would write another integer, or would write null for a number that is too large. */
function losesDigits(text: string, value: number): boolean {
  if (!Number.isFinite(value)) return true
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(value)
}
