import { ChatError } from '../chat/error.ts'
import { type CrossedBound, endOfString, type JsonBounds } from './json-bounds.ts'
import { maxAtOnce, type ReadJsonOptions, readJsonInSteps } from './read-json.ts'
import { tooLarge } from './reply-limits.ts'

/** A text up to this length is cheap to parse with any content. Nearly every piece of a stream is that short. */
const harmlessLength = 1_024
/** Limit for the values of one text. Parsing that many takes a tenth of a second; whole replies with log probabilities have hundreds of thousands. */
const maxValues = 1_000_000

/**
 * Parses JSON that an upstream sent.
 * @throws ChatError `upstream-failed` for invalid JSON, `upstream-outdated` if it nests too deep or has too many values
 */
export function parseUpstreamJson(text: string): unknown {
  const value = upstreamJson(text)
  if (value === undefined) throw notJson()
  return value
}

/**
 * Parses JSON that an upstream sent, and returns undefined for invalid JSON.
 * @throws ChatError `upstream-outdated` if it nests too deep or has too many values
 */
export function upstreamJson(text: string): unknown {
  if (text.length > harmlessLength) checkSize(text)
  return jsonOrUndefined(text)
}

/**
 * Does the same as `upstreamJson` for the bytes of a text, in steps if they are many.
 * @throws ChatError `upstream-outdated` if it nests too deep or has too many values
 */
export async function readUpstreamJson(
  bytes: Uint8Array,
  { pause }: Pick<ReadJsonOptions, 'pause'> = {},
): Promise<unknown> {
  if (bytes.byteLength <= maxAtOnce) return upstreamJson(new TextDecoder().decode(bytes))
  const reading = await readJsonInSteps(bytes, { bounds: replyBounds, manner: 'lenient', ...(pause && { pause }) })
  if ('crossed' in reading) throw crossesBound(reading.crossed)
  return 'value' in reading ? reading.value : undefined
}

/** The error has no cause, because the parser's message quotes a word of the answer. */
export function notJson(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream sent something that is not JSON.',
    code: 'upstream_bad_response',
  })
}

/** Parses JSON; undefined if the text is not JSON. */
export function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Checks the text before it is parsed: a million empty lists need a hundred times the memory of their text. */
function checkSize(text: string): void {
  let depth = 0
  let values = 0
  for (let at = 0; at < text.length && depth <= maxDepth && values <= maxValues; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = endOfString(text, at)
        break
      case 0x5b:
      case 0x7b:
        depth++
        values++
        break
      case 0x5d:
      case 0x7d:
        depth--
        break
      // a value follows each comma
      case 0x2c:
        values++
    }
  }
  if (depth > maxDepth) throw crossesBound('depth')
  if (values > maxValues) throw crossesBound('values')
}

/** How deep brackets may nest. */
const maxDepth = 64
const noLimit = Number.POSITIVE_INFINITY
const replyBounds: JsonBounds = { depth: maxDepth, values: maxValues, members: noLimit, items: noLimit }

function crossesBound(bound: CrossedBound): ChatError {
  return tooLarge(bound === 'depth' ? `nests deeper than ${maxDepth} levels` : `holds more than ${maxValues} values`)
}

/**
 * Whether JSON text nests deeper than `limit`. It checks the text before it is parsed: Bun's parser accepts any depth, and
 * code that walks the value afterwards overflows its stack. Brackets within strings do not count.
 */
export function nestsTooDeep(text: string, limit = maxDepth): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = endOfString(text, at)
        break
      case 0x5b:
      case 0x7b:
        if (++depth > limit) return true
        break
      case 0x5d:
      case 0x7d:
        depth--
    }
  }
  return false
}
