import { Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib'
import { ChatError } from '../chat/error.ts'
import type { BodySource, Step } from './http-body.ts'

/** RFC 9110, section 8.4.1; RFC 8878 for zstd. */
const decoders: Readonly<Record<string, (first: number) => Transform>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  // some servers leave out the two bytes before it, of which the first is always of this form
  deflate: (first) => ((first & 0x0f) === 8 ? createInflate() : createInflateRaw()),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
}

/** Values that some servers send for a body as it is. */
const notCodings = new Set(['', 'identity', 'none', 'utf-8', 'utf8', 'binary', '8bit', '7bit', 'chunked'])

/**
 * A body as it was before its server compressed it, which we asked no server for. It is decompressed as it is read, so that
 * little costs little however large it would become: the reader counts.
 * @throws ChatError `upstream-failed` for a coding that we do not know, or more than one
 */
export function plainBody(source: BodySource): BodySource {
  const stated = (source.headers.get('content-encoding') ?? '').toLowerCase().split(',')
  const coding = stated
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
  readonly headers: Headers
  readonly #source: BodySource
  readonly #decoder: (first: number) => Transform
  #pieces: AsyncIterator<Uint8Array> | undefined
  /** What the source failed with: that says more than the decoder, to which it is only a missing end. */
  #failure: { readonly error: unknown } | undefined
  #isEmpty = false

  constructor(source: BodySource, decoder: (first: number) => Transform) {
    this.status = source.status
    this.headers = new Headers(source.headers)
    this.headers.delete('content-encoding')
    this.headers.delete('content-length')
    this.#source = source
    this.#decoder = decoder
  }

  async read(): Promise<Step> {
    this.#pieces ??= await this.#open()
    if (this.#isEmpty) return { done: true, value: undefined }
    try {
      const step = await this.#pieces.next()
      return step.done ? { done: true, value: undefined } : step
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
    this.#isEmpty = first.done === true
    const decoder = this.#decoder(first.value?.[0] ?? 0)
    const compressed = Readable.from(this.#compressed(first), { objectMode: false, highWaterMark: 0 })
    compressed.on('error', (error) => decoder.destroy(error))
    // an error after the last read has no other listener, and would end the program
    decoder.on('error', () => undefined)
    return compressed.pipe(decoder)[Symbol.asyncIterator]()
  }

  async *#compressed(first: Step): AsyncGenerator<Uint8Array> {
    try {
      for (let step = first; !step.done; step = await this.#source.read()) yield step.value
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }
}

function unreadable(message: string, cause?: unknown): ChatError {
  return new ChatError('upstream-failed', { message, code: 'upstream_bad_response', cause })
}
