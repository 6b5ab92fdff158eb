import { ChatError } from '../chat/error.ts'
import { isLong, jsonPieces } from '../chat/json-pieces.ts'
import type { ByteSource } from './http-reply.ts'
import { type JsonProgress, noJson, progressed } from './json-progress.ts'
import { beginsJson, isBareJson, isSilentLine, readOddField } from './odd-lines.ts'

/** One server-sent event. `event` is absent where the stream named none; `data` has its lines joined by `\n`. */
export interface SseFrame {
  readonly event?: string
  readonly data: string
  /** The data as JSON, present if it was so long that it was read in steps; `value` is undefined for invalid JSON. */
  readonly read?: { readonly value: unknown }
  /** True for JSON that came without `data:` before it. */
  readonly isBare?: true
}

/** Limit for the characters of one event. Pictures come inline, so a megabyte must be allowed. */
const maxEventLength = 16 * 1024 * 1024
/** Limit for the characters that are kept of text before the first event. */
const maxPassedOver = 64 * 1024

/**
 * Decodes a stream of server-sent events (WHATWG HTML, 9.2.6). It also reads what services write against the standard:
 * - an event without its blank line at the end of the stream counts;
 * - data that is a whole JSON object is an event at the end of its line, because some services leave the blank line out;
 * - JSON without `data:` before it is an event: a whole completion, one line of many, or an error;
 * - `error: …` is an event of the type `error` (llama.cpp);
 * - blanks before `data` and capitals are ignored.
 * @throws ChatError `upstream-outdated` when an event is longer than 16 Mi characters; otherwise what `bytes` throws
 */
export async function* readSse(bytes: ByteSource): AsyncGenerator<SseFrame> {
  const decoder = new SseDecoder()
  for await (const chunk of bytes) {
    const frames = decoder.push(chunk)
    if (frames) yield* frames
  }
  const last = decoder.end()
  if (last) yield* last
}

/** The state of one stream: the unfinished line and the unfinished event. */
export class SseDecoder {
  #hasBegun = false
  /** Reads a character whose bytes are in two reads; undefined between characters. */
  #half: TextDecoder | undefined
  /** Pieces of an unfinished line. */
  #line: string[] = []
  #length = 0
  #endedInCr = false
  #data: string[] = []
  #event: string | undefined
  /** How much of the event's data has come as JSON; undefined if it is not JSON, or if its only line is the last. */
  #json: JsonProgress | undefined
  #isBare = false
  #found: SseFrame[] | undefined
  #hasFound = false
  #isPage = false
  #passedOver = ''

  /** The text before the first event, such as a web page: its first 64 Ki characters. */
  get passedOver(): string {
    return this.#hasFound ? '' : this.#passedOver
  }

  /** Whether the text before the first event is a page, and long enough to be sure. */
  get isLongPage(): boolean {
    return this.#isPage && this.#passedOver.length >= maxPassedOver
  }

  /** Returns the events that these bytes complete; undefined for none. */
  push(bytes: Uint8Array): SseFrame[] | undefined {
    let text = this.#decode(bytes)
    if (text === '') return undefined
    const from = this.#takeWholeEvents(text)
    if (from === text.length) return this.#taken()
    if (from > 0) text = text.slice(from)
    if (this.#endedInCr && text.startsWith('\n')) text = text.slice(1)
    this.#endedInCr = text.endsWith('\r')
    if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n')
    this.#lines(text)
    return this.#taken()
  }

  #decode(bytes: Uint8Array): string {
    const text = this.#decodeWhole(bytes)
    if (this.#hasBegun || text === '') return text
    this.#hasBegun = true
    return text.startsWith(byteOrderMark) ? text.slice(1) : text
  }

  /** Most reads end with a line, and then no character is left over. */
  #decodeWhole(bytes: Uint8Array): string {
    const isWhole = (bytes[bytes.length - 1] ?? 0) < 0x80
    if (isWhole && !this.#half) return utf8.decode(bytes)
    const half = this.#half ?? new TextDecoder('utf-8', { ignoreBOM: true })
    this.#half = isWhole && bytes.length > 0 ? undefined : half
    return half.decode(bytes, { stream: true })
  }

  /**
   * Takes the events at the beginning of the text that have one line of data, perhaps a name before it and nothing else, as nearly all
   * events of a model's stream. @returns the position after them
   */
  #takeWholeEvents(text: string): number {
    const isBetweenEvents = this.#line.length === 0 && this.#data.length === 0 && this.#event === undefined
    if (!isBetweenEvents || this.#isPage || !beginsField(text, 0) || text.includes('\r')) return 0
    let from = 0
    while (beginsField(text, from)) {
      const isNamed = text.startsWith('event: ', from)
      const dataFrom = isNamed ? text.indexOf('\n', from) + 1 : from
      const end = text.indexOf('\n', dataFrom)
      if (!text.startsWith('data: ', dataFrom) || end === -1 || text.charCodeAt(end + 1) !== lineFeed) break
      const data = text.slice(dataFrom + 6, end)
      const event = isNamed ? text.slice(from + 7, dataFrom - 1) : ''
      this.#add(event === '' ? { data } : { event, data })
      from = end + 2
    }
    if (from > 0) {
      this.#endedInCr = false
      this.#length = 0
    }
    return from
  }

  /** Returns the events that the end of the stream completes; undefined for none. */
  end(): SseFrame[] | undefined {
    const rest = this.#half?.decode()
    if (rest) this.#line.push(rest)
    this.#take(this.#line.join(''), true)
    this.#dispatch()
    return this.#taken()
  }

  #taken(): SseFrame[] | undefined {
    const found = this.#found
    this.#found = undefined
    return found
  }

  #lines(text: string): void {
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      this.#endLine(text.slice(start, end), text.charCodeAt(end + 1) === lineFeed)
      start = end + 1
    }
    if (start < text.length) this.#keep(text.slice(start))
  }

  #keep(piece: string): void {
    this.#line.push(piece)
    this.#grow(piece.length)
  }

  #grow(length: number): void {
    this.#length += length
    if (this.#length <= maxEventLength) return
    throw new ChatError('upstream-outdated', {
      message: 'The upstream sent an event that is too large.',
      code: 'upstream_response_too_large',
    })
  }

  #endLine(tail: string, isLast: boolean): void {
    let line = tail
    if (this.#line.length > 0) {
      this.#line.push(tail)
      line = this.#line.join('')
      this.#line = []
    }
    this.#grow(tail.length)
    if (line === '' && !this.#isBare) this.#dispatch()
    else this.#take(line, isLast)
  }

  /** @param isLast whether the event certainly ends with this line */
  #take(line: string, isLast: boolean): void {
    if (this.#isPage) this.#passOver(line)
    else if (this.#isBare) this.#addData(line, false)
    else if (line.startsWith('data:')) this.#addData(line.slice(line[5] === ' ' ? 6 : 5), isLast)
    else if (line.startsWith('event:')) this.#name(line.slice(line[6] === ' ' ? 7 : 6))
    else if (line === 'data') this.#addData('', isLast)
    else if (line !== '' && !isSilentLine(line)) this.#takeOdd(line, isLast)
    // comments, `id` and `retry` mean nothing to a reader that does not reconnect
  }

  #takeOdd(line: string, isLast: boolean): void {
    const odd = readOddField(line)
    if (isBareJson(line)) this.#beginAfresh({ isBare: true })
    else if (odd?.name === 'error') this.#beginAfresh({ event: 'error' })
    if (this.#isBare) this.#addData(line, false)
    else if (odd === undefined) this.#passOver(line)
    else if (odd.name === 'event') this.#name(odd.value)
    else this.#addData(odd.value, isLast)
  }

  #beginAfresh({ isBare = false, event }: { readonly isBare?: boolean; readonly event?: string }): void {
    this.#dispatch()
    this.#isBare = isBare
    this.#event = event
  }

  #name(event: string): void {
    if (this.#event !== undefined) this.#dispatchData()
    this.#event = event
  }

  #addData(data: string, isLast: boolean): void {
    const begins = beginsJson(data)
    // the earlier data was not JSON, so this data begins another event
    if (begins && !this.#json) this.#dispatchData()
    this.#data.push(data)
    if (isLast || (!this.#json && !begins)) return
    this.#json = progressed(this.#json ?? noJson, data)
    if (this.#json.isWhole && this.#json.depth <= 0) this.#dispatch()
  }

  /** Skips text that is not an event. Before the first event it is kept, because it may be the whole reply. */
  #passOver(line: string): void {
    if (this.#hasFound || this.#passedOver.length >= maxPassedOver) return
    this.#isPage ||= this.#passedOver === '' && this.#data.length === 0 && /^\s*</.test(line)
    this.#passedOver += `${line}\n`.slice(0, maxPassedOver - this.#passedOver.length)
  }

  #dispatchData(): void {
    if (this.#data.length > 0) this.#dispatch()
  }

  #dispatch(): void {
    const data = this.#data
    const event = this.#event
    const isBare = this.#isBare
    this.#length = 0
    this.#event = undefined
    this.#json = undefined
    this.#isBare = false
    if (data.length === 0 && event !== 'done') return
    this.#data = []
    const frame = { data: data.length === 1 ? (data[0] ?? '') : data.join('\n') }
    this.#add(event || isBare ? { ...(event && { event }), ...frame, ...(isBare && { isBare }) } : frame)
  }

  #add(frame: SseFrame): void {
    this.#hasFound = true
    if (this.#found) this.#found.push(frame)
    else this.#found = [frame]
  }
}

function beginsField(text: string, at: number): boolean {
  return text.startsWith('data: ', at) || text.startsWith('event: ', at)
}

const lineFeed = 0x0a
const byteOrderMark = '\ufeff'
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/** Writes an event. `json` is one line, as JSON.stringify writes it, so nothing in it can end the event. */
export function sseData(json: string): string {
  return `data: ${json}\n\n`
}

/** Writes a value as one event, in pieces if it is long. */
export function sseJson(value: unknown): string | Iterable<string> {
  return isLong(value) ? piecesOfEvent(value) : sseData(JSON.stringify(value))
}

function* piecesOfEvent(value: unknown): Generator<string> {
  yield 'data: '
  yield* jsonPieces(value)
  yield '\n\n'
}

/** Writes JSON as one event with a type. */
export function sseEvent(type: string, json: string): string {
  return `event: ${type}\n${sseData(json)}`
}

/** Returns the events of a text that was written with the functions above, each with its own end. A comment belongs to the next event. */
export function eventsIn(text: string): readonly string[] {
  return text.match(/(?:: .*\n\n)*[\s\S]*?\n\n/g) ?? []
}

/** A comment that every reader ignores; it shows that the stream is alive. */
export const sseKeepAlive = sseComment('keep-alive')

/** A comment, which programs ignore. @param text one line */
export function sseComment(text: string): string {
  return `: ${text}\n\n`
}
