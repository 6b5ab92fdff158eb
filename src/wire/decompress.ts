import type { Transform } from 'node:stream'
import { ChatError } from '../chat/error.ts'
import type { BodyPiece, BodySource } from './http-body.ts'
import type { ReplyHeaders } from './reply-headers.ts'

/** RFC 9110, section 8.4.1; RFC 8878 for zstd. */
const decoders: Readonly<Record<string, (zlib: Zlib, first: number) => Transform>> = {
  gzip: (zlib) => zlib.createGunzip(),
  'x-gzip': (zlib) => zlib.createGunzip(),
  // some servers leave out the two-byte zlib header; its first byte always has this form
  deflate: (zlib, first) => ((first & 0x0f) === 8 ? zlib.createInflate() : zlib.createInflateRaw()),
  br: (zlib) => zlib.createBrotliDecompress(),
  zstd: (zlib) => zlib.createZstdDecompress(),
}

type Zlib = typeof import('node:zlib')

/** Values of `Content-Encoding` that some servers send for a body that is not compressed. */
const notCodings = new Set(['', 'identity', 'none', 'utf-8', 'utf8', 'binary', '8bit', '7bit', 'chunked'])

/**
 * Decompresses a body, although we never ask a server to compress one. It decompresses only what the reader asks for,
 * and the reader counts the bytes, so a small body that expands to a huge one costs little.
 * @throws ChatError `upstream-failed` for an unknown coding, or for more than one
 */
export function plainBody(source: BodySource): BodySource {
  const stated = source.headers.get('content-encoding')
  if (stated === null) return source
  const coding = stated
    .toLowerCase()
    .split(',')
    .map((one) => one.trim())
    .filter((one) => !notCodings.has(one))
    .join(', ')
  if (coding === '') return source
  const decoder = decoders[coding]
  if (decoder) return new DecompressedBody(source, decoder)
  source.cancel()
  throw unreadable(`The upstream compressed its reply in a way that was not asked for (${coding.slice(0, 40)}).`)
}

class DecompressedBody implements BodySource {
  readonly status: number
  readonly headers: ReplyHeaders
  readonly #source: BodySource
  readonly #decoder: (zlib: Zlib, first: number) => Transform
  #pieces: AsyncIterator<Uint8Array> | undefined
  /** The error of the source. It is more precise than the decoder's error, which only reports a missing end. */
  #failure: { readonly error: unknown } | undefined
  #isEmpty = false

  constructor(source: BodySource, decoder: (zlib: Zlib, first: number) => Transform) {
    this.status = source.status
    const headers = new Headers([...source.headers])
    headers.delete('content-encoding')
    headers.delete('content-length')
    this.headers = headers
    this.#source = source
    this.#decoder = decoder
  }

  async read(): Promise<BodyPiece> {
    this.#pieces ??= await this.#open()
    if (this.#isEmpty) return undefined
    try {
      const { done, value } = await this.#pieces.next()
      return done ? undefined : value
    } catch (cause) {
      this.cancel()
      throw this.#failure ? this.#failure.error : unreadable('The upstream compressed its reply wrongly.', cause)
    }
  }

  cancel(): void {
    this.#source.cancel()
    this.#pieces?.return?.().catch(() => undefined)
  }

  /** Reads the first bytes, which choose the decoder. */
  async #open(): Promise<AsyncIterator<Uint8Array>> {
    const first = await this.#source.read()
    this.#isEmpty = first === undefined
    const zlib = await import('node:zlib')
    const { Readable } = await import('node:stream')
    const decoder = this.#decoder(zlib, first?.[0] ?? 0)
    const compressed = Readable.from(this.#compressed(first), { objectMode: false, highWaterMark: 0 })
    compressed.on('error', (error) => decoder.destroy(error))
    // an error after the last read would have no listener and end the program
    decoder.on('error', () => undefined)
    return compressed.pipe(decoder)[Symbol.asyncIterator]()
  }

  async *#compressed(first: BodyPiece): AsyncGenerator<Uint8Array> {
    try {
      for (let piece = first; piece; piece = await this.#source.read()) yield piece
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }
}

function unreadable(message: string, cause?: unknown): ChatError {
  return new ChatError('upstream-failed', { message, code: 'upstream_bad_response', cause })
}
