import type { ByteTap } from '../flow/attempt-hashes.ts'
import type { BodyPiece, BodySource } from './http-body.ts'

/** Shows a tap each piece of a body that is read. */
export function tapped(source: BodySource, tap: ByteTap): BodySource {
  const show = (piece: BodyPiece): BodyPiece => {
    if (piece) tap.received(piece)
    return piece
  }
  return {
    status: source.status,
    headers: source.headers,
    statedBytes: source.statedBytes,
    read() {
      const read = source.read()
      return read instanceof Promise ? read.then(show) : show(read)
    },
    cancel: () => source.cancel(),
  }
}
