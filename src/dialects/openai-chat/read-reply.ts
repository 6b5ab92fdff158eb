import { defer } from '../../chat/defer.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { parseUpstreamJson } from '../../wire/json.ts'
import { type FrameDecoder, readFrames } from '../../wire/read-frames.ts'
import type { SseFrame } from '../../wire/sse.ts'
import { errorInside } from './complaint.ts'
import { type DecodeOptions, ReplyDecoder } from './decode-reply.ts'
import { isFields } from './fields.ts'

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
    const type = reply.headers.get('content-type') ?? ''
    const isStream = /event-stream/i.test(type) || (options.stream && !/json/i.test(type))
    return isStream
      ? readStream(reply, options)
      : listed(new ReplyDecoder(options).whole(parseUpstreamJson(await reply.text())))
  })
}

/** Events that are all there. */
async function* listed(events: readonly ChatEvent[]): AsyncGenerator<ChatEvent> {
  for (const event of events) yield event
}

function readStream(reply: HttpReply, options: ReadOptions): AsyncIterable<ChatEvent> {
  const decoder = new ReplyDecoder(options)
  const frames: FrameDecoder = {
    get finished() {
      return decoder.finished
    },
    frame: (frame) => readFrame(frame, decoder),
    end: (how) => decoder.end(how),
  }
  return readFrames(reply, frames, options.signal)
}

function readFrame({ event, data }: SseFrame, decoder: ReplyDecoder): readonly ChatEvent[] {
  if (data === '') return []
  const value = parseUpstreamJson(data)
  if (event === 'error' || isComplaint(value)) throw errorInside(value)
  return isForeign(value) ? [] : decoder.chunk(value, data)
}

const known = ['choices', 'usage', 'error', 'object', 'x_groq']

/** FastAPI's error in the middle of a stream, as AI21 and Mistral send it. */
function isComplaint(value: unknown): boolean {
  return isFields(value) && 'detail' in value && isForeign(value)
}

/** An event of a vendor's own kind, such as a ping: relayed, it would be a chunk without `choices`, which typed clients trip over. */
function isForeign(value: unknown): boolean {
  return isFields(value) && !known.some((field) => field in value)
}
