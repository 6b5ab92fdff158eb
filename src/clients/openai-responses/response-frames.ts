import type { NoteDrift } from '../../chat/drift.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { errorInside } from '../../dialects/openai-responses/complaint.ts'
import { ResponseDecoder } from '../../dialects/openai-responses/decode-stream.ts'
import type { ToolNames } from '../../dialects/openai-responses/tool-names.ts'
import { frameValue } from '../../wire/frame-value.ts'
import type { FrameDecoder } from '../../wire/read-frames.ts'
import type { SseFrame } from '../../wire/sse.ts'

/** Decodes the frames of a streamed response, or the one object of a whole response. */
export class ResponseFrames implements FrameDecoder {
  readonly #reader: ResponseDecoder

  /** @param names how the tools of the request are called in the vocabulary, if they are called something else */
  constructor(names?: ToolNames, note?: NoteDrift) {
    this.#reader = new ResponseDecoder(names, note)
  }

  get finished(): boolean {
    return this.#reader.finished
  }

  frame(frame: SseFrame): readonly ChatEvent[] {
    const repeated = frame.event === 'error' ? undefined : this.#reader.repeated(frame.data)
    if (repeated) return repeated
    const value = frameValue(frame)
    if (value === undefined) return []
    if (frame.event === 'error') throw errorInside(value)
    return this.#reader.event(value, frame.data)
  }

  end(): readonly ChatEvent[] {
    return this.#reader.end()
  }
}
