import { maxTextBytes, tooLarge } from './http-body.ts'
import type { HttpReply } from './http-reply.ts'
import { HeaderLines, type ReplyHeaders } from './reply-headers.ts'

/** Limit for the bytes of such a reply, as for a piece of any body. */
const maxBytes = 32 * 1024
/** Headers that decide how a body is read, who has sent it, and whether its connection is kept. */
const deciding = 'cf-mitigated|connection|content-encoding|content-length|keep-alive|transfer-encoding'
/** A valid header line that decides nothing. RFC 9110, sections 5.5 and 5.6.2 */
const line = `(?:connection:[\\t ]*keep-alive|(?!(?:${deciding}):)[!#$%&'*+\\-.^_\`|~0-9a-z]+:[\\t\\x20-\\x7e\\x80-\\xff]*)\\r\\n`
const lines = `(?:${line}){0,100}`
const status = 'HTTP/1\\.1 (?!204|304)([2-5]\\d\\d)(?: [\\t\\x20-\\x7e\\x80-\\xff]*)?\\r\\n'
/** The head of a reply that has one length and nothing else to decide. It captures the status and the length. */
const head = new RegExp(`^${status}${lines}content-length:[\\t ]*(\\d{1,15})[\\t ]*\\r\\n${lines}$`, 'i')

/**
 * Reads a reply that came whole with one read of the network, as nearly every short reply does, without a parser's state.
 * @returns undefined for any other reply, also for an invalid one. `ReplyParser` reads it, or says what is wrong with it
 */
export function wholeReply(bytes: Buffer, receivedAt: number): HttpReply | undefined {
  if (bytes.length > maxBytes) return undefined
  const end = bytes.indexOf('\r\n\r\n', 0, 'latin1') + 4
  if (end === 3) return undefined
  const text = bytes.toString('latin1', 0, end - 2)
  // only the names of headers may have small letters
  const found = text.startsWith('HTTP/') ? head.exec(text) : null
  if (!found || Number(found[2]) !== bytes.length - end) return undefined
  return new WholeReply(text, { status: Number(found[1]), receivedAt, bytes: bytes.subarray(end) })
}

interface WholeReplyParts {
  readonly status: number
  readonly receivedAt: number
  readonly bytes: Uint8Array
}

/** A reply that is complete, so that nothing can go wrong any more. Its bytes can be read once. */
class WholeReply implements HttpReply {
  readonly status: number
  readonly receivedAt: number
  readonly #head: string
  #headers: ReplyHeaders | undefined
  #bytes: Uint8Array | undefined

  constructor(head: string, { status, receivedAt, bytes }: WholeReplyParts) {
    this.#head = head
    this.status = status
    this.receivedAt = receivedAt
    this.#bytes = bytes
  }

  get headers(): ReplyHeaders {
    this.#headers ??= new HeaderLines(this.#head.slice(this.#head.indexOf('\r\n')))
    return this.#headers
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#pieces()
  }

  get whole(): Uint8Array | undefined {
    return this.#bytes
  }

  bytes(limit = maxTextBytes): Promise<Uint8Array> {
    const bytes = this.#take()
    return bytes.byteLength > limit ? Promise.reject(tooLarge()) : Promise.resolve(bytes)
  }

  async text(limit?: number): Promise<string> {
    return new TextDecoder().decode(await this.bytes(limit))
  }

  limitIdle(): void {
    // it is not silent, because everything has come
  }

  discard(): void {
    this.#bytes = undefined
  }

  #take(): Uint8Array {
    const bytes = this.#bytes ?? nothing
    this.#bytes = undefined
    return bytes
  }

  async *#pieces(): AsyncGenerator<Uint8Array> {
    const bytes = this.#take()
    if (bytes.byteLength > 0) yield bytes
  }
}

const nothing = new Uint8Array(0)
