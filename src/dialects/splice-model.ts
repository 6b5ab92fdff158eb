import { isSpace } from './json-members.ts'

export interface ModelSplice {
  /** The model's name in the body. */
  readonly from: string
  readonly to: string
  /** Members to write before all others, as JSON with a comma after each. */
  readonly added?: string
}

const key = '"model"'
const openingBrace = 0x7b
/** A key that is written with this escape may be `model` too. */
const escapedLetter = '\\u006'

/**
 * Writes another name of the model into the JSON of a request's body, and leaves everything else as it is. Returns undefined if
 * the place of the name is not certain. Then the request must be encoded (docs/decisions/0046-requests-by-reference.md).
 */
export function spliceModel(
  body: Uint8Array,
  { from, to, added = '' }: ModelSplice,
): readonly Uint8Array[] | undefined {
  if (from === to && added === '') return [body]
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const at = bytes[0] === openingBrace ? keyIn(bytes) : -1
  if (at === -1) return undefined
  const json = JSON.stringify(from)
  const start = valueAfter(bytes, at + key.length)
  const end = start + Buffer.byteLength(json)
  if (bytes.toString('utf8', start, end) !== json) return undefined
  return [Buffer.from(`{${added}`), bytes.subarray(1, start), Buffer.from(JSON.stringify(to)), bytes.subarray(end)]
}

/** The position of the key; -1 if it is not certain. The model is a member of the body, so a text that occurs once is its key. */
function keyIn(bytes: Buffer): number {
  const at = bytes.indexOf(key)
  if (at === valueAfter(bytes, 1)) return at
  const isCertain = at !== -1 && bytes.indexOf(key, at + 1) === -1 && !bytes.includes(escapedLetter)
  return isCertain ? at : -1
}

/** The position of the next key or value. */
function valueAfter(bytes: Buffer, end: number): number {
  let at = end
  while (bytes[at] === colon || isSpace(bytes[at])) at++
  return at
}

const colon = 0x3a
