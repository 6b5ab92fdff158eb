import type { NoteDrift } from '../../chat/drift.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { errorInside } from '../../dialects/anthropic-messages/complaint.ts'
import { MessageDecoder } from '../../dialects/anthropic-messages/decode-stream.ts'
import { RelayedMessage } from '../../dialects/anthropic-messages/relayed-message.ts'
import { frameValue } from '../../wire/frame-value.ts'
import type { FrameDecoder } from '../../wire/read-frames.ts'
import type { SseFrame } from '../../wire/sse.ts'

export interface MessageFramesOptions {
  /** Whether the client has the same dialect, so that it gets the events as they come. */
  readonly isRelayed?: boolean
  readonly noteDrift?: NoteDrift | undefined
}

/** Decodes the frames of a streamed message, or the one object of a whole message. */
export class MessageFrames implements FrameDecoder {
  readonly #reader: MessageDecoder
  readonly #relay: RelayedMessage | undefined

  constructor({ isRelayed = false, noteDrift }: MessageFramesOptions = {}) {
    this.#reader = new MessageDecoder(noteDrift)
    this.#relay = isRelayed ? new RelayedMessage() : undefined
  }

  get finished(): boolean {
    return this.#reader.finished
  }

  frame(frame: SseFrame): readonly ChatEvent[] {
    const learned = frame.event === 'error' ? undefined : this.#relay?.learned(frame.data)
    if (learned) return learned
    const value = frameValue(frame)
    if (value === undefined) return []
    if (frame.event === 'error') throw errorInside(value)
    return this.whole(value, frame.data)
  }

  /** The events of a whole message, or of one event. */
  whole(value: unknown, json?: string): readonly ChatEvent[] {
    const decoded = this.#reader.event(value)
    return this.#relay?.attach(decoded, value, json) ?? decoded
  }

  end(): readonly ChatEvent[] {
    const decoded = this.#reader.end()
    return this.#relay?.atEnd(decoded) ?? decoded
  }
}
