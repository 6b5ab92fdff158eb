import { ChatError } from '../chat/error.ts'
import type { ByteSource } from './http-reply.ts'

/** One server-sent event. `event` is absent where the stream named none; `data` has its lines joined by `\n`. */
export interface SseFrame {
  readonly event?: string
  readonly data: string
}

/** Characters of one event, data and all. Pictures come inline: a megabyte is not too much, this is. */
const maxEventLength = 16 * 1024 * 1024

/**
 * Decodes a stream of server-sent events (WHATWG HTML, 9.2.6), with the one leniency every client has: an event that
 * the stream ends within, without its blank line, is given out all the same.
 * @throws ChatError `upstream-outdated` when an event is longer than 16 Mi characters; otherwise what `bytes` throws
 */
export async function* readSse(bytes: ByteSource): AsyncGenerator<SseFrame> {
  const decoder = new SseDecoder()
  for await (const chunk of bytes) {
    const frames = decoder.push(chunk)
    if (frames) yield* frames
  }
  const last = decoder.end()
  if (last) yield last
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

  /** The events that this read completes; undefined for none. */
  push(bytes: Uint8Array): SseFrame[] | undefined {
    let text = this.#text.decode(bytes, { stream: true })
    if (text === '') return undefined
    if (this.#isWholeEvent(text)) return [{ data: text.slice(6, -2) }]
    if (this.#endedInCr && text.startsWith('\n')) text = text.slice(1)
    this.#endedInCr = text.endsWith('\r')
    if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n')
    return this.#lines(text)
  }

  /** One event and nothing else: what nearly every read of a language model's stream is. */
  #isWholeEvent(text: string): boolean {
    const isBetweenEvents = this.#line.length === 0 && this.#data.length === 0 && this.#event === undefined
    if (!isBetweenEvents || !text.startsWith('data: ') || !text.endsWith('\n\n')) return false
    return text.indexOf('\n') === text.length - 2 && !text.includes('\r')
  }

  end(): SseFrame | undefined {
    const rest = this.#text.decode()
    if (rest) this.#line.push(rest)
    this.#take(this.#line.join(''))
    return this.#dispatch()
  }

  #lines(text: string): SseFrame[] | undefined {
    let frames: SseFrame[] | undefined
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      const frame = this.#endLine(text.slice(start, end))
      if (frame) {
        frames ??= []
        frames.push(frame)
      }
      start = end + 1
    }
    if (start < text.length) this.#keep(text.slice(start))
    return frames
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

  #endLine(tail: string): SseFrame | undefined {
    let line = tail
    if (this.#line.length > 0) {
      this.#line.push(tail)
      line = this.#line.join('')
      this.#line = []
    }
    if (line === '') return this.#dispatch()
    this.#grow(tail.length)
    this.#take(line)
    return undefined
  }

  #take(line: string): void {
    if (line.startsWith('data:')) this.#data.push(line.slice(line[5] === ' ' ? 6 : 5))
    else if (line.startsWith('event:')) this.#event = line.slice(line[6] === ' ' ? 7 : 6)
    else if (line === 'data') this.#data.push('')
    // comments, `id`, `retry` and unknown fields say nothing to a reader that does not reconnect
  }

  #dispatch(): SseFrame | undefined {
    const data = this.#data
    const event = this.#event
    this.#length = 0
    this.#event = undefined
    if (data.length === 0) return undefined
    this.#data = []
    return { ...(event && { event }), data: data.length === 1 ? (data[0] ?? '') : data.join('\n') }
  }
}

/** An event on the wire. `json` is one line, as JSON.stringify writes it: nothing in it can end the event. */
export function sseData(json: string): string {
  return `data: ${json}\n\n`
}

/** JSON as one event of a type. */
export function sseEvent(type: string, json: string): string {
  return `event: ${type}\n${sseData(json)}`
}

/** A line that every reader passes over, to show that the stream lives. */
export const sseKeepAlive = ': keep-alive\n\n'
