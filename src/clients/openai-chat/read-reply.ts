import type { ChatEvent } from '../../chat/event.ts'
import { errorInside } from '../../dialects/openai-chat/complaint.ts'
import { type DecodeOptions, ReplyDecoder } from '../../dialects/openai-chat/decode-reply.ts'
import { isFields } from '../../dialects/openai-chat/fields.ts'
import { isRefusal, saysWords } from '../../dialects/openai-chat/refusal-inside.ts'
import { unknownReply } from '../../dialects/openai-chat/reply-errors.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Batch } from '../../flow/flow.ts'
import { frameValue } from '../../wire/frame-value.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { readUpstreamJson } from '../../wire/json.ts'
import { type FrameDecoder, type FramedReply, readFrames } from '../../wire/read-frames.ts'
import type { SseFrame } from '../../wire/sse.ts'

export interface ReadOptions extends DecodeOptions {
  /** What was asked for. What came is told by its bytes, for neither this nor the content type does. */
  readonly stream: boolean
  readonly signal: Cancel
}

/**
 * The batches of an upstream's reply, whatever it turned out to be: a stream, a whole completion, an error, a web page.
 * @throws ChatError for anything but a finished answer
 */
export function readReply(reply: HttpReply, options: ReadOptions): AsyncIterable<Batch> {
  const decoder = new OpenaiFrames(new ReplyDecoder(options))
  // a body of known length costs a third less than its pieces
  const isText = !options.stream && reply.headers.has('content-length')
  return isText ? readWhole(reply, decoder, options.signal) : readFrames(reply, decoder, options.signal)
}

async function* readWhole(reply: HttpReply, decoder: OpenaiFrames, signal: Cancel): AsyncGenerator<Batch> {
  const bytes = await reply.bytes()
  const value = await readUpstreamJson(bytes)
  if (isFields(value)) return yield decoder.whole(value)
  decoder.isComplete = bytes.length > 0
  yield* readFrames(framed(reply, bytes), decoder, signal)
}

/** A reply whose bytes have been read. */
function framed({ status, headers }: HttpReply, bytes: Uint8Array): FramedReply {
  async function* body() {
    yield bytes
  }
  return { status, headers, body: body(), limitIdle: () => undefined }
}

/** Frames of a stream, lines of JSON, or the one object that a whole completion is. */
class OpenaiFrames implements FrameDecoder {
  readonly #reply: ReplyDecoder
  #isWhole = false
  #hasChunks = false
  /** Whether the body has all of its stated bytes: without an answer in them it was not broken off. */
  isComplete = false

  constructor(reply: ReplyDecoder) {
    this.#reply = reply
  }

  get finished(): boolean {
    return this.#isWhole || this.#reply.finished
  }

  frame(frame: SseFrame): readonly ChatEvent[] {
    const value = this.#isWhole ? undefined : frameValue(frame)
    if (value === undefined) return []
    if (frame.event === 'error' || isRefusal(value)) throw errorInside(value)
    if (frame.isBare && !this.#hasChunks && !isChunk(value)) return this.whole(value)
    if (isForeign(value)) return []
    this.#hasChunks = true
    return this.#reply.chunk(value, relayedJson(frame))
  }

  /** The events of a whole completion. @throws ChatError when it is an error, empty, or no completion at all */
  whole(value: unknown): readonly ChatEvent[] {
    if (isRefusal(value) || saysWords(value)) throw errorInside(value)
    const events = this.#reply.whole(value)
    this.#isWhole = true
    return events
  }

  end(how: 'terminated' | 'cut'): readonly ChatEvent[] {
    if (this.#isWhole) return []
    if (how === 'cut' && this.isComplete && !this.#hasChunks) throw unknownReply()
    return this.#reply.end(how)
  }
}

/** The JSON to relay, in one line: a break, which can only stand between its members, would end the event. */
function relayedJson({ data }: SseFrame): string | undefined {
  if (!/^\s*\{/.test(data)) return undefined
  return data.includes('\n') ? data.replaceAll('\n', ' ') : data
}

/** A chunk by its name, or because a choice of it grows. */
function isChunk(value: unknown): boolean {
  if (!isFields(value)) return false
  if (value.object === 'chat.completion.chunk') return true
  return Array.isArray(value.choices) && value.choices.some((choice) => isFields(choice) && isFields(choice.delta))
}

const known = ['choices', 'usage', 'error', 'object', 'x_groq']

/** An event of a vendor's own kind, such as a ping: relayed, it would be a chunk without `choices`, which typed clients trip over. */
function isForeign(value: unknown): boolean {
  return isFields(value) && !known.some((field) => field in value)
}
