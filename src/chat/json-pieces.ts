import { slicesOf } from './slices.ts'

/** Minimum cost of a value in characters: its brackets or its digits. */
const valueCost = 4
/** Characters of JSON that are written at once. It takes a millisecond or two. */
const maxAtOnce = 256 * 1024
/** Characters of each piece of longer JSON. When all of them are escaped, the piece is six times as long. */
const pieceLength = 64 * 1024

/** Whether a value's JSON may be too long to be written at once. It stops counting at the limit. */
export function isLong(value: unknown): boolean {
  return subtractCost(value, maxAtOnce) <= 0
}

/** Writes the JSON of a value in pieces of about 64 Ki characters. No piece ends within a character. */
export function* jsonPieces(value: unknown): Generator<string> {
  let piece = ''
  for (const text of writeTexts(value)) {
    piece += text
    if (piece.length < pieceLength) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

/** Writes the JSON in texts of any length. `JSON.stringify` writes the short values. */
function* writeTexts(value: unknown): Generator<string> {
  if (subtractCost(value, pieceLength) > 0) yield JSON.stringify(value) ?? 'null'
  else if (typeof value === 'string') yield* writeString(value)
  else if (Array.isArray(value)) yield* writeList(value)
  else if (typeof value === 'object' && value !== null) yield* writeObject(value)
}

/** Short items are written together, because there may be a hundred thousand. */
function* writeList(items: readonly unknown[]): Generator<string> {
  yield '['
  for (let from = 0; from < items.length; ) {
    const to = findEndOfShort(items, from)
    if (from > 0) yield ','
    if (to > from) yield JSON.stringify(items.slice(from, to)).slice(1, -1)
    else yield* writeTexts(items[from])
    from = Math.max(to, from + 1)
  }
  yield ']'
}

/** Returns the end of the run of items whose JSON is short in total. */
function findEndOfShort(items: readonly unknown[], from: number): number {
  let at = from
  for (let left = pieceLength; at < items.length; at++) {
    left = subtractCost(items[at], left)
    if (left <= 0) break
  }
  return at
}

function* writeObject(fields: object): Generator<string> {
  let before = '{'
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue
    yield `${before}${JSON.stringify(key)}:`
    yield* writeTexts(value)
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

function* writeString(text: string): Generator<string> {
  yield '"'
  for (const slice of slicesOf(text, pieceLength)) yield JSON.stringify(slice).slice(1, -1)
  yield '"'
}

/** Estimates the number of characters of a value's JSON. */
export function roughLength(value: unknown): number {
  return noLimit - subtractCost(value, noLimit)
}

const noLimit = Number.MAX_SAFE_INTEGER

/** Subtracts a value's cost from `budget`. It stops as soon as the result is 0 or less. */
function subtractCost(value: unknown, budget: number): number {
  if (typeof value === 'string') return budget - value.length - valueCost
  let left = budget - valueCost
  if (typeof value !== 'object' || value === null) return left
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length && left > 0; at++) left = subtractCost(value[at], left)
    return left
  }
  for (const key in value) {
    if (left <= 0) return left
    left = subtractCost(Reflect.get(value, key), left - key.length)
  }
  return left
}
