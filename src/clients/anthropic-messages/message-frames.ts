import type { ChatEvent } from '../../chat/event.ts'
import { errorInside } from '../../dialects/anthropic-messages/complaint.ts'
import { MessageDecoder } from '../../dialects/anthropic-messages/decode-stream.ts'
import { frameValue } from '../../wire/frame-value.ts'
import type { FrameDecoder } from '../../wire/read-frames.ts'
import type { SseFrame } from '../../wire/sse.ts'

/** Decodes the frames of a streamed message, or the one object of a whole message. */
export class MessageFrames implements FrameDecoder {
  readonly #reader = new MessageDecoder()

  get finished(): boolean {
    return this.#reader.finished
  }

  frame(frame: SseFrame): readonly ChatEvent[] {
    const value = frameValue(frame)
    if (value === undefined) return []
    if (frame.event === 'error') throw errorInside(value)
    return this.#reader.event(value)
  }

  end(): readonly ChatEvent[] {
    return this.#reader.end()
  }
}
