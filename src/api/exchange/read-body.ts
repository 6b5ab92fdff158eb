import { ChatError } from '../../chat/error.ts'
import type { Cancel, Follower } from '../../flow/cancel.ts'
import { orAbort } from '../../flow/wait.ts'
import { joinBytes } from '../../wire/join-bytes.ts'
import { type CrossedBound, type JsonBounds, jsonBounds } from '../../wire/json-bounds.ts'
import type { JsonReading } from '../../wire/json-reading.ts'
import { readJson } from '../../wire/read-json.ts'
import { drainReader } from './drain-body.ts'

/** A body must arrive at this rate. The first milliseconds are free. */
const graceMs = 10_000
const minBytesPerSecond = 1024
/** Milliseconds between two checks of the rate. */
const checkMs = 1_000
/**
 * Limit for the bytes of a body that is read at once. Its rate is checked once, at the time by which its last byte must
 * have come: at most 42 seconds (docs/decisions/0052-bodies-at-once.md).
 */
const maxAtOnce = 32 * 1024

export interface BodyLimits {
  /** A longer body is refused as soon as its length header or its bytes show it. */
  readonly maxBytes: number
  /** When it is aborted, its reason is thrown at once. */
  readonly signal: Cancel
  /** Limits for what the JSON of a body may hold, if they are not the usual ones. */
  readonly bounds?: JsonBounds
}

/** The JSON of a request's body. */
export interface JsonBody {
  readonly value: unknown
  /** Its text in UTF-8, without a byte order mark. */
  readonly bytes: Uint8Array
}

/**
 * Reads and parses a request's body.
 * @throws ChatError `too-large`, `too-slow`, `unsupported-media` or `invalid-request`
 */
export function readJsonBody(request: Request, limits: BodyLimits): Promise<JsonBody> {
  refuseOtherMedia(request.headers)
  const { bounds } = limits
  return readBytes(request, limits).then(bounds ? (bytes) => parseBody(bytes, bounds) : parseBody)
}

function parseBody(bytes: Uint8Array, bounds?: JsonBounds): JsonBody | Promise<JsonBody> {
  const parsed = readJson(bytes, bounds && { bounds })
  return parsed instanceof Promise
    ? parsed.then((reading) => bodyOf(reading, bytes, bounds))
    : bodyOf(parsed, bytes, bounds)
}

function bodyOf(reading: JsonReading, bytes: Uint8Array, bounds = jsonBounds): JsonBody {
  if ('value' in reading) return { value: reading.value, bytes: withoutMark(bytes) }
  throw 'crossed' in reading ? crossed(reading.crossed, bounds) : invalid(reading.invalid)
}

/** Removes the byte order mark, which some servers refuse (RFC 8259, section 8.1). Valid JSON begins with no byte of it. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef ? bytes.subarray(3) : bytes
}

/**
 * Reads a body of any type.
 * @throws ChatError `too-large`, `too-slow`, or `unsupported-media` if it is compressed
 */
export async function readAnyBody(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  refuseCompressed(request.headers)
  return readBytes(request, limits)
}

/** @throws ChatError `unsupported-media` */
function refuseOtherMedia(headers: Headers): void {
  const type = headers.get('content-type')
  if (type && type !== 'application/json' && !/^application\/([\w.+-]+\+)?json\b/i.test(type)) {
    throw new ChatError('unsupported-media', {
      message: 'The body must be JSON. Send "content-type: application/json".',
    })
  }
  refuseCompressed(headers)
}

function refuseCompressed(headers: Headers): void {
  const encoding = headers.get('content-encoding')
  if (encoding && encoding.toLowerCase() !== 'identity') {
    throw new ChatError('unsupported-media', {
      message: 'A compressed body is not accepted. Send it without "content-encoding".',
    })
  }
}

function invalid(what: 'json' | 'utf-8'): ChatError {
  const message = what === 'json' ? 'The body is not valid JSON.' : 'The body is not valid UTF-8.'
  return new ChatError('invalid-request', { message, code: 'invalid_json' })
}

/** The error for a body over one of the bounds. */
function crossed(bound: CrossedBound, bounds: JsonBounds): ChatError {
  const most = bounds[bound]
  const message = {
    depth: `The body nests more than ${most} levels deep.`,
    members: `An object in the body has more than ${most} members.`,
    values: `The body has more than ${most} values.`,
    items: `A list in the body has more than ${most} items.`,
  }[bound]
  const isLarge = bound === 'values' || bound === 'items'
  return isLarge
    ? new ChatError('too-large', { message })
    : new ChatError('invalid-request', { message, code: 'invalid_json' })
}

/** @throws ChatError `too-large` at once, if the length header shows it */
function readBytes(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const length = Number(request.headers.get('content-length') ?? Number.NaN)
  if (length > limits.maxBytes) throw tooLarge(limits.maxBytes)
  return length <= maxAtOnce ? readAtOnce(request, length, limits.signal) : collect(request, limits)
}

/** Reads a body of known length at once. Reading it in steps would cost as much as the rest of the request. */
function readAtOnce(request: Request, length: number, signal: Cancel): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const wait: Follower = {
      abort(reason) {
        timer.stop()
        signal.remove(wait)
        reject(reason)
      },
    }
    const limitMs = graceMs + (length / minBytesPerSecond) * 1000
    const timer = signal.runtime.timers.set(limitMs, () => wait.abort(tooSlow()))
    signal.add(wait)
    request.bytes().then(
      (bytes) => {
        timer.stop()
        signal.remove(wait)
        resolve(bytes)
      },
      (thrown: unknown) => wait.abort(brokenOff(thrown)),
    )
  })
}

async function collect(request: Request, { maxBytes, signal }: BodyLimits): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let read = 0
  for await (const chunk of readInSteps(request, signal)) {
    read += chunk.byteLength
    if (read > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return joinBytes(chunks)
}

/**
 * Reads the body in steps, as long as it comes fast enough. Bun itself would wait for ever for a body that only drips.
 */
async function* readInSteps(request: Request, signal: Cancel): AsyncGenerator<Uint8Array> {
  const reader = request.body?.getReader()
  if (!reader) return
  const { runtime } = signal
  const startedAt = runtime.elapsed()
  let read = 0
  let isOver = false
  const link = signal.child()
  const timer = runtime.timers.set(checkMs, () => {
    const seconds = (runtime.elapsed() - startedAt) / 1000
    if (read < (seconds - graceMs / 1000) * minBytesPerSecond + 1) link.abort(tooSlow())
    else timer.feed(checkMs)
  })
  try {
    for (;;) {
      const { done, value } = await orAbort(reader.read(), link)
      isOver = done
      if (done) return
      read += value.byteLength
      yield value
    }
  } catch (thrown) {
    throw thrown instanceof ChatError ? thrown : brokenOff(thrown)
  } finally {
    timer.stop()
    link.release()
    if (!isOver && !signal.aborted) await drainReader(reader, runtime)
    else if (!isOver) reader.cancel().catch(() => undefined)
  }
}

function brokenOff(cause: unknown): ChatError {
  return new ChatError('invalid-request', { message: 'The body broke off.', code: 'invalid_json', cause })
}

function tooLarge(maxBytes: number): ChatError {
  return new ChatError('too-large', {
    message: `The body is larger than ${maxBytes} bytes. MAX_BODY_BYTES sets the limit.`,
  })
}

function tooSlow(): ChatError {
  return new ChatError('too-slow', { message: 'The body came too slowly.' })
}
