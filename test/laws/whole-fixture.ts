import { readFileSync } from 'node:fs'
import type { Cut, Fixture, Framing } from './subject.ts'

const utf8 = new TextEncoder()

/** `NAME.json` of a folder: a completion that comes whole ends where its framing says so. */
export function wholeFixture(folder: URL, name: string): Fixture {
  const text = readFileSync(new URL(`${name}.json`, folder), 'utf8')
  const bytes = utf8.encode(text)
  const closing = utf8.encode(text.trimEnd()).byteLength
  const endMarker = (framing: Framing, cut: Cut) => {
    if (framing === 'length') return { from: bytes.byteLength, to: bytes.byteLength }
    // Bun's fetch takes even a reset for the end of a body that is delimited by close; a stall is no end
    if (framing === 'close' && cut !== 'stall')
      return { from: closing, to: cut === 'fin' ? bytes.byteLength : Number.POSITIVE_INFINITY }
    // its last bracket ends it, if the break that follows leaves the time to read it
    if (cut !== 'stall') return { from: closing, to: Number.POSITIVE_INFINITY }
    return { from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY }
  }
  return { name, choices: 1, stream: false, bytes, endMarker }
}
