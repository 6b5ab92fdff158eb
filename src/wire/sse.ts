import { ChatError } from '../chat/error.ts'
import { isLong, jsonPieces } from '../chat/json-pieces.ts'
import type { ByteSource } from './http-reply.ts'
import { type JsonProgress, noJson, progressed } from './json-progress.ts'
import { beginsJson, isBareJson, isSilentLine, readOddField } from './odd-lines.ts'

/** One server-sent event. `event` is absent where the stream named none; `data` has its lines joined by `\n`. */
export interface SseFrame {
  readonly event?: string
  readonly data: string
  /** What the data says as JSON, where it is so long that it has been read in steps; undefined for what is none. */
  readonly read?: { readonly value: unknown }
  /** JSON that stood in the stream without `data:` before it. */
  readonly isBare?: true
}

/** Characters of one event, data and all. Pictures come inline: a megabyte is not too much, this is. */
const maxEventLength = 16 * 1024 * 1024
/** Characters that are kept of what comes before the first event and is none. */
const maxPassedOver = 64 * 1024

/**
 * Decodes a stream of server-sent events (WHATWG HTML, 9.2.6) as services really write them. Beyond the standard:
 * - an event that the stream ends within, without its blank line, is given out all the same;
 * - data that is a whole JSON object is an event at the end of its line, for some leave the blank line out;
 * - JSON without `data:` before it is an event, be it all there is: a whole completion, a list of lines, an error;
 * - `error: …` is an event of the type `error` (llama.cpp);
 * - blanks before `data`, and capitals, are nothing.
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

/** The state of one stream: what is left of the last read, and the event that grows. */
export class SseDecoder {
  readonly #text = new TextDecoder()
  /** Pieces of a line whose end has not come. */
  #line: string[] = []
  #length = 0
  #endedInCr = false
  #data: string[] = []
  #event: string | undefined
  /** How far the event's data has grown as JSON; undefined where it is none, or need not be known. */
  #json: JsonProgress | undefined
  #isBare = false
  #found: SseFrame[] | undefined
  #hasFound = false
  #isPage = false
  #passedOver = ''

  /** What came before the first event and is none, such as a web page: its first 64 Ki characters. */
  get passedOver(): string {
    return this.#hasFound ? '' : this.#passedOver
  }

  /** Whether it is a page, of which enough has come. */
  get isLongPage(): boolean {
    return this.#isPage && this.#passedOver.length >= maxPassedOver
  }

  /** The events that this read completes; undefined for none. */
  push(bytes: Uint8Array): SseFrame[] | undefined {
    let text = this.#text.decode(bytes, { stream: true })
    if (text === '') return undefined
    if (this.#isWholeEvent(text)) return [{ data: text.slice(6, -2) }]
    if (this.#endedInCr && text.startsWith('\n')) text = text.slice(1)
    this.#endedInCr = text.endsWith('\r')
    if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n')
    this.#lines(text)
    return this.#taken()
  }

  /** One event and nothing else: what nearly every read of a language model's stream is. */
  #isWholeEvent(text: string): boolean {
    const isBetweenEvents = this.#line.length === 0 && this.#data.length === 0 && this.#event === undefined
    if (!isBetweenEvents || this.#isPage || !text.startsWith('data: ') || !text.endsWith('\n\n')) return false
    if (text.indexOf('\n') !== text.length - 2 || text.includes('\r')) return false
    this.#hasFound = true
    return true
  }

  /** The events that the stream ends within; undefined for none. */
  end(): SseFrame[] | undefined {
    const rest = this.#text.decode()
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

  /** @param isLast whether the event is known to end with this line */
  #take(line: string, isLast: boolean): void {
    if (this.#isPage) this.#passOver(line)
    else if (this.#isBare) this.#addData(line, false)
    else if (line.startsWith('data:')) this.#addData(line.slice(line[5] === ' ' ? 6 : 5), isLast)
    else if (line.startsWith('event:')) this.#name(line.slice(line[6] === ' ' ? 7 : 6))
    else if (line === 'data') this.#addData('', isLast)
    else if (line !== '' && !isSilentLine(line)) this.#takeOdd(line, isLast)
    // comments, `id` and `retry` say nothing to a reader that does not reconnect
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
    // what came before it was no JSON, so this is another event
    if (begins && !this.#json) this.#dispatchData()
    this.#data.push(data)
    if (isLast || (!this.#json && !begins)) return
    this.#json = progressed(this.#json ?? noJson, data)
    if (this.#json.isWhole && this.#json.depth <= 0) this.#dispatch()
  }

  /** Something that is no event. Before the first one it is kept: it may be all that this reply has to say. */
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
    this.#hasFound = true
    this.#found ??= []
    this.#found.push({
      ...(event && { event }),
      data: data.length === 1 ? (data[0] ?? '') : data.join('\n'),
      ...(isBare && { isBare }),
    })
  }
}

const lineFeed = 0x0a

/** An event on the wire. `json` is one line, as JSON.stringify writes it: nothing in it can end the event. */
export function sseData(json: string): string {
  return `data: ${json}\n\n`
}

/** A value as one event, in pieces where it is long. */
export function sseJson(value: unknown): string | Iterable<string> {
  return isLong(value) ? piecesOfEvent(value) : sseData(JSON.stringify(value))
}

function* piecesOfEvent(value: unknown): Generator<string> {
  yield 'data: '
  yield* jsonPieces(value)
  yield '\n\n'
}

/** JSON as one event of a type. */
export function sseEvent(type: string, json: string): string {
  return `event: ${type}\n${sseData(json)}`
}

/** A line that every reader passes over, to show that the stream lives. */
export const sseKeepAlive = ': keep-alive\n\n'
