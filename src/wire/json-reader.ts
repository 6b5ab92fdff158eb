import { type CrossedBound, type JsonBounds, JsonCount, jsonBounds } from './json-bounds.ts'

declare global {
  interface JSON {
    /** A number that `stringify` writes with exactly these digits. */
    rawJSON(text: string): object
  }
}

/** The outcome of reading: a value, a bound that was crossed, or invalid JSON or UTF-8. */
export type JsonReading =
  | { readonly value: unknown }
  | { readonly crossed: CrossedBound }
  | { readonly invalid: 'json' | 'utf-8' }

type Container =
  | { readonly kind: 'list'; readonly items: unknown[] }
  | { readonly kind: 'object'; readonly fields: Record<string, unknown>; key: string }

/**
 * `exact` refuses invalid UTF-8, and keeps a number that would lose digits as `JSON.rawJSON`, so that it is written as it
 * came. `lenient` reads what `JSON.parse` reads from the decoded text.
 */
export type ReadingManner = 'exact' | 'lenient'

/** The tokens that may come next. */
type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' | 'nothing'

/** Bytes that are read in one step, which takes some milliseconds; and what a token costs beside its bytes. */
const stepBytes = 256 * 1024
const tokenCost = 32
/** Bytes of a string that are decoded at once. */
const pieceBytes = 64 * 1024
/** Bytes of a character after its first. */
const maxContinuation = 3
/** Limit for the bytes of a number; no real number needs so many. */
const maxNumber = 1_024

class Stop {
  readonly why: Exclude<JsonReading, { readonly value: unknown }>

  constructor(why: Stop['why']) {
    this.why = why
  }
}

const noJson = new Stop({ invalid: 'json' })

/**
 * Reads JSON as `JSON.parse` does, but in steps: `JSON.parse` stops everything for a fifth of a second on 32 megabytes.
 */
export class JsonReader {
  readonly #bytes: Uint8Array
  readonly #count: JsonCount
  readonly #decoder: TextDecoder
  readonly #keepsDigits: boolean
  readonly #containers: Container[] = []
  #expected: Expected = 'value'
  #root: unknown
  #at = 0
  #spent = 0

  constructor(bytes: Uint8Array, bounds: JsonBounds = jsonBounds, manner: ReadingManner = 'exact') {
    this.#bytes = bytes
    this.#count = new JsonCount(bounds)
    this.#decoder = new TextDecoder('utf-8', { fatal: manner === 'exact', ignoreBOM: true })
    this.#keepsDigits = manner === 'exact'
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#at = 3
  }

  /** Yields, after each step, how many bytes have been read. */
  *steps(): Generator<number, JsonReading> {
    try {
      for (;;) {
        const byte = this.#next()
        if (byte === undefined) break
        if (byte === 0x22) yield* this.#text()
        else if (!isSpace(byte)) this.#token(byte)
        if (this.#spend(tokenCost)) yield this.#at
      }
      return this.#expected === 'nothing' ? { value: this.#root } : noJson.why
    } catch (thrown) {
      if (thrown instanceof Stop) return thrown.why
      throw thrown
    }
  }

  /** @returns whether this step has ended */
  #spend(cost: number): boolean {
    this.#spent += cost
    if (this.#spent < stepBytes) return false
    this.#spent = 0
    return true
  }

  /** The first byte of the next token; undefined at the end. After a whole step of white space it returns a byte of it. */
  #next(): number | undefined {
    const bytes = this.#bytes
    for (;;) {
      const byte = bytes[this.#at]
      if (!isSpace(byte) || this.#spent >= stepBytes) return byte
      this.#at++
      this.#spent++
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
    this.#at++
    const crossed = this.#count.open(container.kind === 'list')
    if (crossed) throw new Stop({ crossed })
    this.#add(container.kind === 'list' ? container.items : container.fields)
    this.#containers.push(container)
    this.#expected = container.kind === 'list' ? 'value or end' : 'key or end'
  }

  #close(kind: Container['kind']): void {
    this.#at++
    const isExpected =
      this.#expected === 'comma or end' || this.#expected === (kind === 'list' ? 'value or end' : 'key or end')
    if (!isExpected || this.#containers.pop()?.kind !== kind) throw noJson
    this.#count.close()
    this.#expected = this.#containers.length > 0 ? 'comma or end' : 'nothing'
  }

  #comma(): void {
    this.#at++
    const container = this.#containers.at(-1)
    if (this.#expected !== 'comma or end' || !container) throw noJson
    const crossed = this.#count.comma()
    if (crossed) throw new Stop({ crossed })
    this.#expected = container.kind === 'list' ? 'value' : 'key'
  }

  #colon(): void {
    this.#at++
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
    const start = this.#at
    while (isOfScalar(this.#bytes[this.#at]) && this.#at - start <= maxNumber) this.#at++
    if (this.#at === start || this.#at - start > maxNumber) throw noJson
    const text = String.fromCharCode(...this.#bytes.subarray(start, this.#at))
    const value = parsed(text)
    return this.#keepsDigits && typeof value === 'number' && losesDigits(text, value) ? JSON.rawJSON(text) : value
  }

  /** Reads a key or a string value. */
  *#text(): Generator<number, void> {
    const text = yield* this.#string()
    const container = this.#containers.at(-1)
    if (container?.kind === 'object' && (this.#expected === 'key' || this.#expected === 'key or end')) {
      container.key = text
      this.#expected = 'colon'
    } else this.#add(text)
  }

  *#string(): Generator<number, string> {
    const start = this.#at + 1
    const end = yield* this.#endOfString(start)
    this.#at = end + 1
    if (end - start <= pieceBytes) return this.#decode(start, end)
    const pieces: string[] = []
    for (let from = start; from < end; ) {
      const to = this.#cut(from, Math.min(from + pieceBytes, end), end)
      pieces.push(this.#decode(from, to))
      from = to
      if (this.#spend(pieceBytes)) yield from
    }
    // joining takes as long as a step, so it yields before and after it
    if (end - start < stepBytes) return pieces.join('')
    yield end
    const text = pieces.join('')
    yield end
    return text
  }

  *#endOfString(start: number): Generator<number, number> {
    for (let from = start; ; ) {
      const quote = this.#bytes.indexOf(0x22, from)
      if (quote === -1) throw noJson
      if (this.#backslashesBefore(quote, start) % 2 === 0) return quote
      if (this.#spend(quote - from + tokenCost)) yield from
      from = quote + 1
    }
  }

  #backslashesBefore(at: number, start: number): number {
    let count = 0
    while (at - 1 - count >= start && this.#bytes[at - 1 - count] === 0x5c) count++
    return count
  }

  /** The last position up to `to` that is neither within a character nor within an escape. */
  #cut(from: number, to: number, end: number): number {
    if (to === end) return to
    for (let back = 1; back <= 5 && to - back > from; back++) {
      const isEscape = this.#bytes[to - back] === 0x5c && this.#backslashesBefore(to - back, from) % 2 === 0
      const length = this.#bytes[to - back + 1] === 0x75 ? 6 : 2
      if (isEscape && length > back) return to - back
      if (isEscape) break
    }
    // a character has at most three such bytes; more of them are invalid UTF-8
    let at = to
    while (at > to - maxContinuation && ((this.#bytes[at] ?? 0) & 0xc0) === 0x80) at--
    return at
  }

  #decode(start: number, end: number): string {
    this.#spent += end - start
    const text = decoded(this.#decoder, this.#bytes.subarray(start, end))
    if (!needsParsing.test(text)) return text
    const value = parsed(`"${text}"`)
    if (typeof value !== 'string') throw noJson
    return value
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings, and the parser reports them
const needsParsing = /[\\\u0000-\u001f]/

function decoded(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Stop({ invalid: 'utf-8' })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw noJson
  }
}

/** Sets `__proto__` as an ordinary member, as `JSON.parse` does. */
function define(fields: object, value: unknown): void {
  Object.defineProperty(fields, '__proto__', { value, enumerable: true, configurable: true, writable: true })
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** Letters, digits and `+-.`: the characters of numbers and of `true`, `false`, `null`. */
function isOfScalar(byte: number | undefined): boolean {
  if (byte === undefined) return false
  if (byte >= 0x30 && byte <= 0x39) return true
  return byte === 0x2b || byte === 0x2d || byte === 0x2e || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a)
}

/** Whether a number would be written differently from how it came: Infinity, for example, as null. */
function losesDigits(text: string, value: number): boolean {
  if (!Number.isFinite(value)) return true
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(value)
}
