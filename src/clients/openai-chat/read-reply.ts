import type { ChatEvent } from '../../chat/event.ts'
import { unknownReply } from '../../chat/reply-errors.ts'
import { isFields } from '../../dialects/fields.ts'
import { errorInside } from '../../dialects/openai-chat/complaint.ts'
import { type DecodeOptions, ReplyDecoder } from '../../dialects/openai-chat/decode-reply.ts'
import { plainReplyIn } from '../../dialects/openai-chat/plain-reply.ts'
import { isRefusal, saysWords } from '../../dialects/openai-chat/refusal-inside.ts'
import { frameValue } from '../../wire/frame-value.ts'
import type { FrameDecoder } from '../../wire/read-frames.ts'
import type { SseFrame } from '../../wire/sse.ts'
import type { ReplyOptions, ReplyReader } from '../open-reply.ts'

/** Reads the replies of a service with OpenAI's Chat Completions. */
export const completionReader: ReplyReader<ReplyOptions & DecodeOptions> = {
  frames(options, whole) {
    const decoder = framesFor(options)
    decoder.isComplete = whole !== undefined && whole.length > 0
    return decoder
  },
  object(value, { bytes, json }, options) {
    const { stop } = options
    return plainReplyIn(value, json === undefined ? { stop, bytes } : { stop, json }) ?? framesFor(options).whole(value)
  },
}

function framesFor(options: DecodeOptions): OpenaiFrames {
  return new OpenaiFrames(new ReplyDecoder(options))
}

/** Decodes the frames of a stream, lines of JSON, or the one object of a whole completion. */
class OpenaiFrames implements FrameDecoder {
  readonly #reply: ReplyDecoder
  #isWhole = false
  #hasChunks = false
  /** Whether the body has all of its stated bytes. Such a body without an answer is invalid, not cut. */
  isComplete = false

  constructor(reply: ReplyDecoder) {
    this.#reply = reply
  }

  get finished(): boolean {
    return this.#isWhole || this.#reply.finished
  }

  frame(frame: SseFrame): readonly ChatEvent[] {
    const learned = this.#isWhole || !isPlainData(frame) ? undefined : this.#reply.learnedChunk(frame.data)
    if (learned) return [learned]
    const value = this.#isWhole ? undefined : frameValue(frame)
    if (value === undefined) return []
    if (frame.event === 'error' || isRefusal(value)) throw errorInside(value)
    if (frame.isBare && !this.#hasChunks && !isChunk(value)) return this.whole(value)
    if (isForeign(value)) {
      this.#reply.noteForeign(value)
      return []
    }
    this.#hasChunks = true
    return this.#reply.chunk(value, relayedJson(frame))
  }

  /** The events of a whole completion. @throws ChatError if it is an error, empty, or not a completion */
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

/** Whether a frame is nothing but data. */
function isPlainData({ event, read, isBare }: SseFrame): boolean {
  return event === undefined && read === undefined && isBare === undefined
}

/** The JSON to relay, in one line, because a line break between its members would end the event. */
function relayedJson({ data }: SseFrame): string | undefined {
  if (!/^\s*\{/.test(data)) return undefined
  return data.includes('\n') ? data.replaceAll('\n', ' ') : data
}

/** Whether it is a chunk: by its `object`, or because one of its choices has a `delta`. */
function isChunk(value: unknown): boolean {
  if (!isFields(value)) return false
  if (value.object === 'chat.completion.chunk') return true
  return Array.isArray(value.choices) && value.choices.some((choice) => isFields(choice) && isFields(choice.delta))
}

const known = ['choices', 'usage', 'error', 'object', 'x_groq']

/**
 * Whether it is a vendor's own event, such as a ping. It is not relayed, because typed clients fail on a chunk without
 * `choices`.
 */
function isForeign(value: unknown): boolean {
  return isFields(value) && !known.some((field) => field in value)
}
