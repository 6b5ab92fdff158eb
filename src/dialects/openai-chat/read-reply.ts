import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { type HttpReply, readText } from '../../wire/http.ts'
import { isPage, pageError, refusal } from '../../wire/http-status.ts'
import { readSse } from '../../wire/sse.ts'
import { errorInside, readComplaint } from './complaint.ts'
import { type DecodeOptions, ReplyDecoder } from './decode-reply.ts'
import { isFields } from './fields.ts'

/** Milliseconds of silence after the last finish until a stream that does not end itself is over. */
const graceMs = 2_000

export interface ReadOptions extends DecodeOptions {
  /** What was asked for: decides where the reply does not say what it is. */
  readonly stream: boolean
  readonly signal: AbortSignal
}

/**
 * The events of an upstream's reply, whatever it turned out to be: a stream, a whole completion, an error, a web page.
 * @throws ChatError for anything but a finished answer
 */
export async function* readReply(reply: HttpReply, options: ReadOptions): AsyncGenerator<ChatEvent> {
  if (reply.status !== 200) throw await refusal(reply, readComplaint)
  const type = reply.headers.get('content-type') ?? ''
  if (isPage(reply.headers))
    throw pageError(reply.status, reply.headers, await readText(reply, 64 * 1024).catch(() => ''))
  const isStream = /event-stream/i.test(type) || (options.stream && !/json/i.test(type))
  if (isStream) yield* readStream(reply, options)
  else yield* new ReplyDecoder(options).whole(parse(await readText(reply)))
}

async function* readStream(reply: HttpReply, options: ReadOptions): AsyncGenerator<ChatEvent> {
  const decoder = new ReplyDecoder(options)
  try {
    for await (const { event, data } of readSse(reply.body)) {
      if (data === '[DONE]') {
        yield* decoder.end('terminated')
        return
      }
      if (data === '') continue
      const value = parse(data)
      if (event === 'error') throw errorInside(value)
      if (isForeign(value)) continue
      yield* decoder.chunk(value)
      if (decoder.finished) reply.limitIdle(graceMs)
    }
  } catch (thrown) {
    // after the last finish nothing takes the answer away: no failure, no deadline, no shutdown; only that the client left
    if (!decoder.finished || isGone(options.signal)) throw thrown
  }
  yield* decoder.end('cut')
}

const known = ['choices', 'usage', 'error', 'object', 'x_groq']

/** An event of a vendor's own kind, such as a ping: relayed, it would be a chunk without `choices`, which typed clients trip over. */
function isForeign(value: unknown): boolean {
  return isFields(value) && !known.some((field) => field in value)
}

function isGone({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof ChatError && reason.reason !== 'cancelled')
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // without its cause: the parser's message quotes the word it stumbled over, which is the answer's
    throw new ChatError('upstream-failed', {
      message: 'The upstream sent something that is not JSON.',
      code: 'upstream_bad_response',
    })
  }
}
