import { ChatError } from '../chat/error.ts'
import { type CrossedBound, endOfString, type JsonBounds } from './json-bounds.ts'
import { maxAtOnce, type ReadJsonOptions, readJsonInSteps } from './read-json.ts'
import { tooLarge } from './reply-limits.ts'

/** Characters up to which a text can neither nest nor hold enough to matter: what nearly every piece of a stream is. */
const harmlessLength = 1_024
/** Values of one text. Parsing so many takes a tenth of a second; whole replies with log probabilities have hundreds of thousands. */
const maxValues = 1_000_000

/**
 * What an upstream sent as JSON.
 * @throws ChatError `upstream-failed` when it is none, `upstream-outdated` when it nests too deep or holds too much
 */
export function parseUpstreamJson(text: string): unknown {
  const value = upstreamJson(text)
  if (value === undefined) throw notJson()
  return value
}

/** The same; undefined where it is none. @throws ChatError `upstream-outdated` when it nests too deep or holds too much */
export function upstreamJson(text: string): unknown {
  if (text.length > harmlessLength) checkSize(text)
  return jsonOrUndefined(text)
}

/**
 * The same of the bytes of a text, in steps where they are many.
 * @throws ChatError `upstream-outdated` when it nests too deep or holds too much
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

/** Without a cause: the parser's message quotes the word it stumbled over, which is the answer's. */
export function notJson(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream sent something that is not JSON.',
    code: 'upstream_bad_response',
  })
}

/** What the text says as JSON; undefined where it is none. */
export function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Judged on the text, before it is parsed: a million empty lists cost a hundred times what their text does. */
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

/** Brackets that may stand inside each other. */
const maxDepth = 64
const noLimit = Number.POSITIVE_INFINITY
const replyBounds: JsonBounds = { depth: maxDepth, values: maxValues, members: noLimit, items: noLimit }

function crossesBound(bound: CrossedBound): ChatError {
  return tooLarge(bound === 'depth' ? `nests deeper than ${maxDepth} levels` : `holds more than ${maxValues} values`)
}

/**
 * Whether JSON text nests deeper than `limit`. Judged on the text, before it is parsed: Bun's parser takes any depth,
 * and everything that walks the value afterwards overflows its stack. Strings are jumped over, so their brackets don't count.
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
