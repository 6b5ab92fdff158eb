import { readFileSync } from 'node:fs'
import type { Cut, Fixture, Framing } from './subject.ts'

const utf8 = new TextEncoder()

/** Reads `NAME.json` of a folder. A whole completion ends with its last bracket or by its length. */
export function wholeFixture(folder: URL, name: string): Fixture {
  const text = readFileSync(new URL(`${name}.json`, folder), 'utf8')
  const bytes = utf8.encode(text)
  const closing = utf8.encode(text.trimEnd()).byteLength
  const endMarker = (framing: Framing, cut: Cut) => {
    if (framing === 'length') return { from: bytes.byteLength, to: bytes.byteLength }
    // the last bracket ends it, unless the connection breaks before it is read; a body that is delimited by close ends well
    const isEnded = framing === 'close' && cut === 'fin'
    return { from: closing, to: isEnded ? bytes.byteLength : Number.POSITIVE_INFINITY }
  }
  return { name, choices: 1, stream: false, bytes, endMarker }
}
