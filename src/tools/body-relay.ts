import type { BodyFilter } from '../wire/fetch-like.ts'
import { maxMessageBytes } from './oversize.ts'
import { cleanMessage } from './read-message.ts'

const nothing = new Uint8Array(0)
/** Of what a server says where it refuses; the library wants all of it. */
const maxRefusalBytes = 64 * 1024

/**
 * A reply that is one JSON text.
 * @param tooLarge is called when it has become too long; what it throws ends the body
 */
export function jsonRelay(tooLarge: () => never): BodyFilter {
  const pieces: Uint8Array[] = []
  let length = 0
  return {
    push(bytes) {
      length += bytes.length
      if (length > maxMessageBytes) tooLarge()
      pieces.push(bytes)
      return nothing
    },
    rest() {
      const text = Buffer.concat(pieces).toString()
      return Buffer.from(cleanMessage(text) ?? text)
    },
  }
}

/** What a server says where it refuses a request, or at any rate how it begins. */
export function refusalRelay(): BodyFilter {
  let room = maxRefusalBytes
  return {
    push(bytes) {
      const shown = bytes.subarray(0, room)
      room -= shown.length
      return shown
    },
    rest: () => nothing,
  }
}
