import { closesText, type JsonContainer } from './closing-quote.ts'
import { escapedSigns, literalOf } from './json-words.ts'

/** What a JSON value consists of, in order. Texts are decoded. */
export interface JsonSink {
  open(container: JsonContainer): void
  close(): void
  key(name: string): void
  startText(): void
  text(piece: string): void
  endText(): void
  /** A number, `true`, `false` or `null`, as JSON. */
  literal(json: string): void
}

/** The deepest value that is read. */
const maxDepth = 64
/** Characters of a word without quotes. */
const maxWord = 1_000

type Mode = 'value' | 'key' | 'colon' | 'after' | 'text' | 'done' | 'broken'

/**
 * Reads one JSON value as it is written, in any pieces, and understands what models get wrong: raw line breaks in texts,
 * quotes and backslashes that are not escaped, single quotes or none, missing and superfluous commas, comments, Python's words,
 * and missing brackets at the end. Correct JSON is read exactly. A list of named arguments in parentheses, as Python writes
 * it, is read as an object.
 */
export class JsonMender {
  readonly #sink: JsonSink
  readonly #stack: JsonContainer[] = []
  #mode: Mode = 'value'
  #held = ''
  #isEnd = false
  /** The quote that ends the open text, whether it is a key, and its beginning if it is. */
  #quote = ''
  #isKey = false
  #name = ''

  constructor(sink: JsonSink) {
    this.#sink = sink
  }

  get isDone(): boolean {
    return this.#mode === 'done'
  }

  /** Whether the text is no JSON, also to a lenient reader. */
  get isBroken(): boolean {
    return this.#mode === 'broken'
  }

  /** The text that was not read: after the end of the value, or what cannot be judged yet. */
  get rest(): string {
    return this.#held
  }

  push(text: string): void {
    const input = this.#held + text
    let at = 0
    while (this.#mode !== 'done' && this.#mode !== 'broken') {
      const next = at < input.length || this.#isEnd ? this.#step(input, at) : undefined
      if (next === undefined) break
      at = next
    }
    this.#held = input.slice(at)
  }

  /** Says that no more text comes. A value that lacks only its closing brackets is completed. */
  end(): void {
    this.#isEnd = true
    this.push('')
    if (this.#mode !== 'done') this.#mode = 'broken'
  }

  /** Reads one thing. @returns the position after it; undefined if more text is needed */
  #step(input: string, at: number): number | undefined {
    if (this.#mode === 'text') return this.#readText(input, at)
    const from = skipBlank(input, at)
    // a slash may begin a comment, and a bracket a quote
    if (!this.#isEnd && from < input.length && starts.some((one) => one.startsWith(input.slice(from)))) return undefined
    if (input.startsWith('//', from)) return this.#afterComment(input, from, '\n')
    if (input.startsWith('/*', from)) return this.#afterComment(input, from, '*/')
    if (from >= input.length && !this.#isEnd) return from > at ? from : undefined
    switch (this.#mode) {
      case 'value':
        return this.#readValue(input, from)
      case 'key':
        return this.#readKey(input, from)
      case 'colon':
        return this.#readColon(input, from)
      default:
        return this.#readAfter(input, from)
    }
  }

  #afterComment(input: string, from: number, ending: string): number | undefined {
    const end = input.indexOf(ending, from + 2)
    if (end !== -1) return end + ending.length
    return this.#isEnd ? input.length : undefined
  }

  #readValue(input: string, at: number): number | undefined {
    const sign = input[at]
    if (sign === undefined) return this.#break(at)
    if (sign === '{' || sign === '[' || sign === '(') return this.#open(sign, at)
    if (sign === ']' || sign === '}' || sign === ')') return this.#stack.length > 0 ? this.#close(at) : this.#break(at)
    if (sign === ',' && this.#stack.length > 0) return at + 1
    return this.#startText(input, at, false) ?? this.#readWord(input, at)
  }

  #readKey(input: string, at: number): number | undefined {
    const sign = input[at]
    if (sign === '}' || sign === ')' || sign === ']') return this.#close(at)
    if (sign === ',') return at + 1
    if (sign === undefined || this.#isTerminator(input, at)) return this.#complete(at)
    return this.#startText(input, at, true) ?? this.#readName(input, at)
  }

  #readColon(input: string, at: number): number | undefined {
    const sign = input[at]
    if (sign !== ':' && sign !== '=') return this.#break(at)
    this.#mode = 'value'
    return at + 1
  }

  #readAfter(input: string, at: number): number | undefined {
    const sign = input[at]
    if (sign === '}' || sign === ']' || sign === ')') return this.#close(at)
    const isObject = this.#stack.at(-1) !== 'list'
    if (sign === undefined || this.#isTerminator(input, at)) return this.#complete(at)
    if (sign !== ',' && !/["'{[\w]/.test(sign)) return this.#break(at)
    this.#mode = isObject ? 'key' : 'value'
    return sign === ',' ? at + 1 : at
  }

  /** Whether what follows belongs to the marks around the value. */
  #isTerminator(input: string, at: number): boolean {
    return input[at] === '`' || (input[at] === '<' && !input.startsWith('<|"', at))
  }

  #open(sign: '{' | '[' | '(', at: number): number {
    if (this.#stack.length >= maxDepth) return this.#break(at)
    const container = sign === '[' ? 'list' : 'object'
    this.#stack.push(container)
    this.#sink.open(container)
    this.#mode = container === 'list' ? 'value' : 'key'
    return at + 1
  }

  #close(at: number): number {
    this.#stack.pop()
    this.#sink.close()
    this.#afterValue()
    return at + 1
  }

  /** Closes everything that is open. */
  #complete(at: number): number {
    for (; this.#stack.length > 0; this.#stack.pop()) this.#sink.close()
    this.#mode = 'done'
    return at
  }

  #break(at: number): number {
    this.#mode = 'broken'
    return at
  }

  #afterValue(): void {
    this.#mode = this.#stack.length === 0 ? 'done' : 'after'
  }

  #startText(input: string, at: number, isKey: boolean): number | undefined {
    const quote = quotes.find((one) => input.startsWith(one, at))
    if (quote === undefined) return undefined
    this.#quote = quote
    this.#isKey = isKey
    this.#name = ''
    if (!isKey) this.#sink.startText()
    this.#mode = 'text'
    return at + quote.length
  }

  #readText(input: string, at: number): number | undefined {
    const sign = input[at]
    if (sign === undefined) return this.#break(at)
    if (sign === '\\') return this.#readEscape(input, at)
    if (!input.startsWith(this.#quote.slice(0, input.length - at), at)) return this.#readPlain(input, at)
    const after = at + this.#quote.length
    if (after > input.length) return undefined
    const place = { stack: this.#stack, isKey: this.#isKey, isEnd: this.#isEnd }
    const closes = this.#quote.length > 1 || closesText(input, after, place)
    if (closes === undefined) return undefined
    if (!closes) return this.#say(this.#quote, after)
    if (this.#isKey) {
      this.#sink.key(this.#name)
      this.#mode = 'colon'
    } else {
      this.#sink.endText()
      this.#afterValue()
    }
    return after
  }

  #readPlain(input: string, at: number): number | undefined {
    const special = this.#quote === "'" ? /['\\]/g : this.#quote === '"' ? /["\\]/g : /[<\\]/g
    special.lastIndex = at + 1
    const found = special.exec(input)?.index ?? input.length
    // half of a surrogate pair waits for the other half
    const isHalf = found === input.length && !this.#isEnd && /[\ud800-\udbff]$/.test(input.slice(at, found))
    const end = isHalf ? found - 1 : found
    return end > at ? this.#say(input.slice(at, end), end) : undefined
  }

  #readEscape(input: string, at: number): number | undefined {
    const sign = input[at + 1]
    if (sign === undefined) return this.#isEnd ? this.#say('\\', at + 1) : undefined
    if (sign === 'u') {
      const hex = input.slice(at + 2, at + 6)
      if (hex.length < 4 && /^[\da-f]*$/i.test(hex) && !this.#isEnd) return undefined
      if (/^[\da-f]{4}$/i.test(hex)) return this.#say(String.fromCharCode(Number.parseInt(hex, 16)), at + 6)
    }
    return this.#say(escapedSigns[sign] ?? `\\${sign}`, at + 2)
  }

  #say(piece: string, end: number): number {
    if (this.#isKey) this.#name += piece
    else this.#sink.text(piece)
    return end
  }

  /** Reads a literal, or a text without quotes. */
  #readWord(input: string, at: number): number | undefined {
    const end = wordEnd(input, at, /[,}\])\n]|<\/|<\|/g)
    if (end === undefined && !this.#isEnd && input.length - at < maxWord) return undefined
    const word = input.slice(at, end ?? input.length).trim()
    if (word === '' || word.length > maxWord) return this.#break(at)
    const json = literalOf(word)
    if (json === undefined) {
      this.#sink.startText()
      this.#sink.text(word)
      this.#sink.endText()
    } else this.#sink.literal(json)
    this.#afterValue()
    return end ?? input.length
  }

  /** Reads a key without quotes. */
  #readName(input: string, at: number): number | undefined {
    const end = wordEnd(input, at, /[:=,}\]\n]/g)
    if (end === undefined) return this.#isEnd || input.length - at > maxWord ? this.#break(at) : undefined
    const name = input.slice(at, end).trim().replaceAll(/["']/g, '')
    if (!/^[\w$.-]{1,128}$/.test(name)) return this.#break(at)
    this.#sink.key(name)
    this.#mode = 'colon'
    return end
  }
}

/** The quotes of a text: JSON's, Python's, and Gemma's. */
const quotes = ['"', "'", '<|"|>']

/** What a single character may be the beginning of. */
const starts = ['//', '<|"|']

function wordEnd(input: string, at: number, ending: RegExp): number | undefined {
  ending.lastIndex = at
  return ending.exec(input)?.index
}

function skipBlank(input: string, at: number): number {
  let end = at
  while (end < input.length && /\s/.test(input.charAt(end))) end++
  return end
}
