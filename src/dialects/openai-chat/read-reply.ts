import { defer } from '../../chat/defer.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { isPage, pageError, refusal } from '../../wire/http-status.ts'
import { SseDecoder, type SseFrame } from '../../wire/sse.ts'
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
export function readReply(reply: HttpReply, options: ReadOptions): AsyncIterable<ChatEvent> {
  return defer(async () => {
    if (reply.status !== 200) throw await refusal(reply, readComplaint)
    const type = reply.headers.get('content-type') ?? ''
    if (isPage(reply.headers)) throw pageError(reply.status, reply.headers, await reply.text(64 * 1024).catch(() => ''))
    const isStream = /event-stream/i.test(type) || (options.stream && !/json/i.test(type))
    return isStream ? readStream(reply, options) : listed(new ReplyDecoder(options).whole(parse(await reply.text())))
  })
}

/** Events that are all there. */
async function* listed(events: readonly ChatEvent[]): AsyncGenerator<ChatEvent> {
  for (const event of events) yield event
}

async function* readStream(reply: HttpReply, options: ReadOptions): AsyncGenerator<ChatEvent> {
  const decoder = new ReplyDecoder(options)
  const sse = new SseDecoder()
  try {
    for await (const bytes of reply.body) {
      for (const frame of sse.push(bytes) ?? []) {
        if (frame.data === '[DONE]') {
          for (const event of decoder.end('terminated')) yield event
          return
        }
        for (const event of readFrame(frame, decoder)) yield event
      }
      if (decoder.finished) reply.limitIdle(graceMs)
    }
    const last = sse.end()
    if (last?.data === '[DONE]') {
      for (const event of decoder.end('terminated')) yield event
      return
    }
    if (last) for (const event of readFrame(last, decoder)) yield event
  } catch (thrown) {
    // after the last finish nothing takes the answer away: no failure, no deadline, no shutdown; only that the client left
    if (!decoder.finished || isGone(options.signal)) throw thrown
  }
  for (const event of decoder.end('cut')) yield event
}

function readFrame({ event, data }: SseFrame, decoder: ReplyDecoder): readonly ChatEvent[] {
  if (data === '') return []
  const value = parse(data)
  if (event === 'error') throw errorInside(value)
  return isForeign(value) ? [] : decoder.chunk(value, data)
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
