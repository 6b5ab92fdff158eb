import type { ChatEvent } from '../chat/event.ts'
import type { HttpReply } from './http.ts'
import { readSse, type SseFrame } from './sse.ts'

/** Turns the frames of one stream into events: an upstream's or a dialect's own part of reading an answer. */
export interface FrameDecoder {
  /** True once an end is no cut any more. */
  readonly finished: boolean
  /** @throws ChatError for an error inside the stream, or a frame that is none */
  frame(frame: SseFrame): readonly ChatEvent[]
  /** The events still due when the bytes are over. @throws ChatError when the answer is cut or empty */
  end(how: 'terminated' | 'cut'): readonly ChatEvent[]
}

/** Milliseconds of silence after the finish until a stream that does not end itself is over. */
const graceMs = 2_000

/**
 * The events of a streamed reply. After the finish nothing that goes wrong takes the answer away, except that the client left.
 * @throws what `decoder` throws, and what the wire throws before the finish
 */
export async function* readFrames(reply: HttpReply, decoder: FrameDecoder, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  try {
    for await (const frame of readSse(reply.body)) {
      if (frame.data === '[DONE]') {
        yield* decoder.end('terminated')
        return
      }
      if (frame.data === '') continue
      yield* decoder.frame(frame)
      if (decoder.finished) reply.limitIdle(graceMs)
    }
  } catch (thrown) {
    if (!decoder.finished || signal.aborted) throw thrown
  }
  yield* decoder.end('cut')
}
