import { isAscii } from 'node:buffer'
import { type JsonCursor, stepBytes } from './json-cursor.ts'
import { JsonStop, noJson, parseToken } from './json-reading.ts'

/** The cost of a token in addition to its bytes. */
export const tokenCost = 32
/** Bytes of a string that are decoded at once. */
const pieceBytes = 64 * 1024
/** Bytes of a character after its first. */
const maxContinuation = 3

/** Reads the string at the cursor. After each step it yields the number of bytes read. @throws JsonStop if invalid */
export function* readString(cursor: JsonCursor, decoder: TextDecoder): Generator<number, string> {
  const start = cursor.at + 1
  const end = yield* endOfString(cursor, start)
  cursor.at = end + 1
  if (end - start <= pieceBytes) return decode(cursor, decoder, { start, end })
  const plain = plainAscii(cursor.bytes.subarray(start, end))
  if (plain !== undefined) {
    yield end
    return plain
  }
  const pieces: string[] = []
  for (let from = start; from < end; ) {
    const to = cutBefore(cursor.bytes, { from, to: Math.min(from + pieceBytes, end), end })
    pieces.push(decode(cursor, decoder, { start: from, end: to }))
    from = to
    if (cursor.spend(pieceBytes)) yield from
  }
  // joining takes as long as a step, so it yields before and after it
  if (end - start < stepBytes) return pieces.join('')
  yield end
  const text = pieces.join('')
  yield end
  return text
}

/**
 * Returns the text of bytes that are only copied, such as a picture in base64; undefined for others. A megabyte takes a
 * third of a millisecond, and pieces of it would be copied twice.
 */
function plainAscii(bytes: Uint8Array): string | undefined {
  if (!isAscii(bytes) || bytes.includes(backslash)) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return needsParsing.test(text) ? undefined : text
}

const backslash = 0x5c

function* endOfString(cursor: JsonCursor, start: number): Generator<number, number> {
  for (let from = start; ; ) {
    const quote = cursor.bytes.indexOf(0x22, from)
    if (quote === -1) throw noJson
    if (backslashesBefore(cursor.bytes, quote, start) % 2 === 0) return quote
    if (cursor.spend(quote - from + tokenCost)) yield from
    from = quote + 1
  }
}

function backslashesBefore(bytes: Uint8Array, at: number, start: number): number {
  let count = 0
  while (at - 1 - count >= start && bytes[at - 1 - count] === 0x5c) count++
  return count
}

/** The last position up to `to` that is neither within a character nor within an escape. */
function cutBefore(
  bytes: Uint8Array,
  { from, to, end }: { readonly from: number; readonly to: number; readonly end: number },
): number {
  if (to === end) return to
  for (let back = 1; back <= 5 && to - back > from; back++) {
    const isEscape = bytes[to - back] === 0x5c && backslashesBefore(bytes, to - back, from) % 2 === 0
    const length = bytes[to - back + 1] === 0x75 ? 6 : 2
    if (isEscape && length > back) return to - back
    if (isEscape) break
  }
  // a character has at most three continuation bytes; more of them are invalid UTF-8
  let at = to
  while (at > to - maxContinuation && ((bytes[at] ?? 0) & 0xc0) === 0x80) at--
  return at
}

function decode(
  cursor: JsonCursor,
  decoder: TextDecoder,
  { start, end }: { readonly start: number; readonly end: number },
): string {
  cursor.note(end - start)
  const text = decodeUtf8(decoder, cursor.bytes.subarray(start, end))
  if (!needsParsing.test(text)) return text
  const value = parseToken(`"${text}"`)
  if (typeof value !== 'string') throw noJson
  return value
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings, and the parser reports them
const needsParsing = /[\\\u0000-\u001f]/

function decodeUtf8(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new JsonStop({ invalid: 'utf-8' })
  }
}
