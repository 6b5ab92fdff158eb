import type { BodyPiece } from './http-body.ts'
import type { ByteSource } from './http-reply.ts'

/** Reads bytes without a promise if they are there. */
export interface ByteReader {
  /** Returns the next bytes; undefined at the end. Only one call may be pending. @throws what the source throws */
  read(): BodyPiece | Promise<BodyPiece>
  /** Stops early. */
  stop(): void
}

/** Returns a reader of the bytes: the source itself if it is one. */
export function readerOf(source: ByteSource): ByteReader {
  return isReader(source) ? source : new IteratorReader(source[Symbol.asyncIterator]())
}

function isReader(source: ByteSource): source is ByteSource & ByteReader {
  return 'read' in source && 'stop' in source
}

class IteratorReader implements ByteReader {
  readonly #bytes: AsyncIterator<Uint8Array>

  constructor(bytes: AsyncIterator<Uint8Array>) {
    this.#bytes = bytes
  }

  read(): Promise<BodyPiece> {
    return this.#bytes.next().then(({ done, value }) => (done ? undefined : value))
  }

  stop(): void {
    this.#bytes.return?.().catch(() => undefined)
  }
}
