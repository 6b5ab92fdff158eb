import type { Support } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { parametersIn } from './decode-parameters.ts'
import { isSpace } from './json-members.ts'
import { NativeBody } from './native-body.ts'

/**
 * Returns the bytes of a request's own body, with the model's new name and, for a stream, the request for usage. It
 * returns undefined if the request was changed, or if the place of the model in the bytes is not certain. Then the request
 * must be encoded (docs/decisions/0046-requests-by-reference.md).
 * @param own the service's names of parameters that have only one name there
 */
export function relayRequest(request: ChatRequest, own: Support['names'] = {}): readonly Uint8Array[] | undefined {
  const { native, model, stream } = request
  if (!(native instanceof NativeBody) || !native.bytes || !native.isIntact(request)) return undefined
  if (isRenamed(request, own)) return undefined
  const { model: sent, stream_options: options } = native.value
  const added = stream && options === undefined ? '"stream_options":{"include_usage":true},' : ''
  if (sent === model && added === '') return [native.bytes]
  return splice(native.bytes, { from: JSON.stringify(sent), to: JSON.stringify(model), added })
}

/** Whether the service knows one of the sent parameters under another name. */
function isRenamed({ spelling }: ChatRequest, own: NonNullable<Support['names']>): boolean {
  return parametersIn(own).some((parameter) => parameter in spelling && spelling[parameter] !== own[parameter])
}

interface Splice {
  /** The JSON of the model's name in the body. */
  readonly from: string
  readonly to: string
  /** Members to write before all others. */
  readonly added: string
}

const key = '"model"'
const openingBrace = 0x7b
/** A key that is written with this escape may be `model` too. */
const escapedLetter = '\\u006'

function splice(body: Uint8Array, { from, to, added }: Splice): readonly Uint8Array[] | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const at = bytes.indexOf(key)
  // the model is a member of the body, so a text that occurs once is its key
  if (bytes[0] !== openingBrace || at === -1 || bytes.indexOf(key, at + 1) !== -1) return undefined
  const start = valueAfter(bytes, at + key.length)
  const end = start + Buffer.byteLength(from)
  if (bytes.toString('utf8', start, end) !== from || bytes.includes(escapedLetter)) return undefined
  return [Buffer.from(`{${added}`), bytes.subarray(1, start), Buffer.from(to), bytes.subarray(end)]
}

/** The position of the value after a key. */
function valueAfter(bytes: Buffer, end: number): number {
  let at = end
  while (bytes[at] === colon || isSpace(bytes[at])) at++
  return at
}

const colon = 0x3a
