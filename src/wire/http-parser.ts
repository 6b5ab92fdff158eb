import { ChatError } from '../chat/error.ts'
import { invalidHead, invalidReply, isValidHead, maxFields, mistakeIn, type ReplyHead, readHead } from './http-head.ts'

/** Receives what a parser finds. */
export interface ReplySink {
  head(head: ReplyHead): void
  /** A part of the body; never empty. */
  body(bytes: Buffer): void
  /** The body is complete. Nothing follows. */
  end(): void
}

const lineFeed = 10
/** Limit for the bytes of a head, and for the bytes of the trailers. Line ends count. */
const maxHeadBytes = 64 * 1024
/** Limit for interim replies, such as 103, before the final one. */
const maxInterim = 16
/** Limit for the extensions and the padding of all size lines of a body. No known service uses extensions. */
const maxExtensionBytes = 16 * 1024
/** RFC 9112, section 7.1; some servers pad sizes with blanks. A number holds 13 hexadecimal digits exactly. */
const chunkSize = /^(0*[0-9a-f]{1,13})[\t ]*(;[\t\x20-\x7e\x80-\xff]+)?$/i

type ParserState = 'head' | 'counted' | 'until-close' | 'size' | 'chunk' | 'chunk-end' | 'trailer' | 'over'

/**
 * Reads one HTTP/1.1 reply, however its bytes are split, and passes each part to its sink at once. It holds at most one
 * head. The parts of a body that came with one read of the network are joined to one.
 * @throws ChatError from `push` and `close`; then the connection cannot be used any more
 */
export class ReplyParser {
  readonly #sink: ReplySink
  readonly #method: string
  #state: ParserState = 'head'
  /** The unfinished line. */
  #line = ''
  /** The complete lines of the current head, with CR LF after each. */
  #lines = ''
  /** Whether the lines of the head end in a line feed alone; undefined before the first line. */
  #hasBareFeeds: boolean | undefined
  /** Bytes of the current head, size line or trailers. */
  #headBytes = 0
  #fields = 0
  #extensionBytes = 0
  #interim = 0
  /** Bytes of the body or chunk that have not come yet. */
  #left = 0
  readonly #body = new BodyParts()

  constructor(method: string, sink: ReplySink) {
    this.#method = method
    this.#sink = sink
  }

  /** @returns how many of these bytes belong to the reply; bytes after its end do not */
  push(bytes: Buffer): number {
    let at = 0
    try {
      while (at < bytes.length && this.#state !== 'over') at = this.#step(bytes, at)
    } finally {
      this.#flush()
    }
    if (this.#state === 'over') this.#sink.end()
    return at
  }

  /** The connection has ended. @throws ChatError if the reply was incomplete */
  close(): void {
    if (this.#state === 'over') return
    // RFC 9112, section 8: a chunked body is complete after its last chunk, even without the empty line
    if (this.#state !== 'until-close' && this.#state !== 'trailer')
      throw new ChatError('upstream-failed', {
        message: `The upstream closed the connection ${this.#state === 'head' ? 'before' : 'within'} its reply.`,
        code: 'upstream_disconnected',
      })
    this.#state = 'over'
    this.#sink.end()
  }

  /** @returns the position to continue at */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'until-close':
        this.#body.add(bytes, at, bytes.length)
        return bytes.length
      case 'counted':
      case 'chunk':
        return this.#takeBody(bytes, at)
      case 'size':
        return this.#takePlainSize(bytes, at) || this.#takeLine(bytes, at)
      case 'chunk-end':
        return this.#takePlainEnd(bytes, at) || this.#takeLine(bytes, at)
      case 'head':
        return this.#takeWholeHead(bytes, at) || this.#takeLine(bytes, at)
      default:
        return this.#takeLine(bytes, at)
    }
  }

  /** Reads a head that came whole, the usual case, without a step for each line. @returns 0 for any other head */
  #takeWholeHead(bytes: Buffer, at: number): number {
    if (this.#line !== '' || this.#lines !== '' || this.#hasBareFeeds) return 0
    const end = bytes.indexOf('\r\n\r\n', at, 'latin1') + 4
    if (end === 3 || end - at > maxHeadBytes) return 0
    const text = bytes.toString('latin1', at, end - 2)
    if (!isValidHead(text)) return 0
    this.#hasBareFeeds = false
    this.#onHead(text)
    return end
  }

  #takeBody(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left)
    this.#body.add(bytes, at, end)
    this.#left -= end - at
    if (this.#left === 0) this.#state = this.#state === 'chunk' ? 'chunk-end' : 'over'
    return end
  }

  /** Reads a whole line with only a size, the usual case, and makes no text of it. @returns 0 for any other line */
  #takePlainSize(bytes: Buffer, at: number): number {
    if (this.#line !== '') return 0
    let size = 0
    let end = at
    for (; end - at < maxPlainDigits; end++) {
      const digit = hexDigit(bytes[end])
      if (digit === undefined) break
      size = size * 16 + digit
    }
    if (end === at || bytes[end] !== carriageReturn || bytes[end + 1] !== lineFeed) return 0
    this.#left = size
    this.#begin(size === 0 ? 'trailer' : 'chunk')
    return end + 2
  }

  /** Passes over the line end after a chunk. @returns 0 if it is not there, or not whole */
  #takePlainEnd(bytes: Buffer, at: number): number {
    if (this.#line !== '' || bytes[at] !== carriageReturn || bytes[at + 1] !== lineFeed) return 0
    this.#begin('size')
    return at + 2
  }

  #takeLine(bytes: Buffer, at: number): number {
    const feed = bytes.indexOf(lineFeed, at)
    const end = feed === -1 ? bytes.length : feed + 1
    this.#headBytes += end - at
    if (this.#headBytes > maxHeadBytes) throw invalidReply(`its head is longer than ${maxHeadBytes} bytes`)
    this.#line += bytes.toString('latin1', at, feed === -1 ? end : feed)
    if (feed === -1) return end
    const line = this.#line
    this.#line = ''
    this.#onLine(this.#withoutReturn(line))
    return end
  }

  /**
   * Some small servers end all lines of a head in a line feed alone. A mixture is refused, because two programs could find
   * different headers in it. RFC 9112, section 2.2
   */
  #withoutReturn(line: string): string {
    const isBare = !line.endsWith('\r')
    if (this.#state === 'head') this.#hasBareFeeds ??= isBare
    if (isBare !== (this.#state === 'head' && this.#hasBareFeeds)) throw invalidReply('its lines do not end alike')
    return isBare ? line : line.slice(0, -1)
  }

  #onLine(line: string): void {
    if (this.#state === 'head') this.#onHeadLine(line)
    else if (this.#state === 'size') this.#onSize(line)
    else if (this.#state === 'trailer') this.#onTrailer(line)
    else if (line === '') this.#begin('size')
    else throw invalidReply('a chunk is longer than its size')
  }

  #onHeadLine(line: string): void {
    if (line !== '') {
      this.#countField()
      this.#lines += `${line}\r\n`
      return
    }
    const text = this.#lines
    this.#lines = ''
    if (!isValidHead(text)) throw invalidHead(text)
    this.#onHead(text)
  }

  #onHead(text: string): void {
    const head = readHead(text, this.#method)
    this.#begin('head')
    if (head.status === 101) throw invalidReply('it changes the protocol, which was not asked for')
    if (head.status >= 200) this.#onFinalHead(head)
    else if (++this.#interim > maxInterim) throw invalidReply(`more than ${maxInterim} interim replies came before it`)
  }

  #onFinalHead(head: ReplyHead): void {
    const { framing } = head
    if (framing.type === 'counted') this.#left = framing.length
    this.#begin(framing.type === 'chunked' ? 'size' : framing.type === 'empty' ? 'over' : framing.type)
    this.#sink.head(this.#hasBareFeeds ? { ...head, keepsAlive: false } : head)
  }

  #onSize(line: string): void {
    const [, digits, extension = ''] = chunkSize.exec(line) ?? []
    if (digits === undefined) throw invalidReply('the size of a chunk is not a hexadecimal number')
    this.#extensionBytes += Math.max(extension.length, line.length - maxPlainDigits)
    if (this.#extensionBytes > maxExtensionBytes) throw invalidReply('its chunk extensions are too long')
    this.#left = Number.parseInt(digits, 16)
    this.#begin(this.#left === 0 ? 'trailer' : 'chunk')
  }

  /** Trailers are checked like headers, and ignored. */
  #onTrailer(line: string): void {
    if (line === '') {
      this.#begin('over')
      return
    }
    this.#countField()
    const mistake = mistakeIn(line)
    if (mistake) throw mistake
  }

  #countField(): void {
    if (++this.#fields > maxFields + 1) throw invalidReply(`it has more than ${maxFields} headers`)
  }

  #begin(state: ParserState): void {
    this.#state = state
    this.#headBytes = 0
    this.#fields = 0
  }

  #flush(): void {
    const body = this.#body.take()
    if (body) this.#sink.body(body)
  }
}

const carriageReturn = 13
const maxPlainDigits = 12

function hexDigit(byte = 0): number | undefined {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : undefined
}

/** Collects the parts of one read that belong to the body. A single part stays a view; several are copied together. */
class BodyParts {
  #whole: Buffer | undefined
  #length = 0
  #first: Buffer | undefined

  /** @param bytes must be the same buffer in each call until the next `take` */
  add(bytes: Buffer, start: number, end: number): void {
    if (!this.#first && !this.#whole) {
      this.#first = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
      return
    }
    this.#whole ??= Buffer.allocUnsafe(bytes.length)
    if (this.#first) this.#length = this.#first.copy(this.#whole)
    this.#first = undefined
    this.#length += bytes.copy(this.#whole, this.#length, start, end)
  }

  take(): Buffer | undefined {
    const taken = this.#first ?? this.#whole?.subarray(0, this.#length)
    this.#first = undefined
    this.#whole = undefined
    this.#length = 0
    return taken
  }
}
