import { slicesOf } from './slices.ts'

/** What a value costs at the least: its brackets, or its digits. */
const valueCost = 4
/** Characters up to which JSON is written at once: a millisecond or two. */
const maxAtOnce = 256 * 1024
/** Characters of a longer one that are written at once. Where all of them are escaped, it is six times as many. */
const pieceLength = 64 * 1024

/** Whether a value's JSON may be too long to be written at once. Most of a long one is not looked at. */
export function isLong(value: unknown): boolean {
  return spent(value, maxAtOnce) <= 0
}

/** The JSON of a value, in pieces of some 64 Ki characters, of which none ends within a character. */
export function* jsonPieces(value: unknown): Generator<string> {
  let piece = ''
  for (const text of texts(value)) {
    piece += text
    if (piece.length < pieceLength) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

/** The same, as it comes: what is short is left to the runtime. */
function* texts(value: unknown): Generator<string> {
  if (spent(value, pieceLength) > 0) yield JSON.stringify(value) ?? 'null'
  else if (typeof value === 'string') yield* textsOfString(value)
  else if (Array.isArray(value)) yield* textsOfList(value)
  else if (typeof value === 'object' && value !== null) yield* textsOfObject(value)
}

/** Items that are short are written together: there may be a hundred thousand. */
function* textsOfList(items: readonly unknown[]): Generator<string> {
  yield '['
  for (let from = 0; from < items.length; ) {
    const to = endOfShort(items, from)
    if (from > 0) yield ','
    if (to > from) yield JSON.stringify(items.slice(from, to)).slice(1, -1)
    else yield* texts(items[from])
    from = Math.max(to, from + 1)
  }
  yield ']'
}

/** Up to where items are short together. */
function endOfShort(items: readonly unknown[], from: number): number {
  let at = from
  for (let left = pieceLength; at < items.length; at++) {
    left = spent(items[at], left)
    if (left <= 0) break
  }
  return at
}

function* textsOfObject(fields: object): Generator<string> {
  let before = '{'
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue
    yield `${before}${JSON.stringify(key)}:`
    yield* texts(value)
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

function* textsOfString(text: string): Generator<string> {
  yield '"'
  for (const slice of slicesOf(text, pieceLength)) yield JSON.stringify(slice).slice(1, -1)
  yield '"'
}

/** About how many characters a value's JSON has. */
export function roughLength(value: unknown): number {
  return noLimit - spent(value, noLimit)
}

const noLimit = Number.MAX_SAFE_INTEGER

/** What is left of `budget` after a value is paid for; 0 or less as soon as it does not suffice. */
function spent(value: unknown, budget: number): number {
  if (typeof value === 'string') return budget - value.length - valueCost
  let left = budget - valueCost
  if (typeof value !== 'object' || value === null) return left
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length && left > 0; at++) left = spent(value[at], left)
    return left
  }
  for (const key in value) {
    if (left <= 0) return left
    left = spent(Reflect.get(value, key), left - key.length)
  }
  return left
}
