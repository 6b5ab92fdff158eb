import type { BodyFilter } from '../wire/fetch-like.ts'
import { maxMessageBytes } from './oversize.ts'
import { cleanMessage } from './read-message.ts'

const nothing = new Uint8Array(0)
/** Limit for the body of a refusal, because the library reads the whole body. */
const maxRefusalBytes = 64 * 1024

/**
 * Relays a reply that is one JSON text.
 * @param tooLarge called when the text is too long; the error that it throws ends the body
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

/** Relays the beginning of a refusal's body. */
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
