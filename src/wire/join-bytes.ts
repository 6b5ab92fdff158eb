import { slicesOf } from '../chat/slices.ts'
import { nextTurn } from '../flow/next-turn.ts'

/** How many bytes are copied at once. */
const maxAtOnce = 1024 * 1024

/** Joins pieces, in steps if they are long, because fresh memory is slow. It then frees each copied piece. */
export async function joinBytes(pieces: Uint8Array[]): Promise<Buffer<ArrayBuffer>> {
  const length = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
  if (length <= maxAtOnce) return Buffer.concat(pieces)
  const joined = Buffer.allocUnsafe(length)
  let at = 0
  let turnAt = maxAtOnce
  for (const [place, piece] of pieces.entries()) {
    joined.set(piece, at)
    at += piece.byteLength
    pieces[place] = empty
    if (at < turnAt) continue
    turnAt = at + maxAtOnce
    await nextTurn()
  }
  return joined
}

const empty = new Uint8Array(0)

/** The bytes of a text, encoded in steps if it is long. */
export async function encodeInSteps(text: string): Promise<Buffer<ArrayBuffer>> {
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(text))
  let at = 0
  for (const slice of slicesOf(text, maxAtOnce / 2)) {
    at += bytes.write(slice, at, 'utf8')
    await nextTurn()
  }
  return bytes
}
