import { ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { HttpReply } from './http-reply.ts'
import { SseDecoder, type SseFrame } from './sse.ts'

/** Cuts bytes into frames: server-sent events, or what an upstream has instead. */
export interface FrameSplitter {
  /** The frames that this read completes; undefined for none. */
  push(bytes: Uint8Array): SseFrame[] | undefined
  /** The frame that the stream ends within. */
  end(): SseFrame | undefined
}

/** Turns the frames of one stream into events: an upstream's or a dialect's own part of reading an answer. */
export interface FrameDecoder {
  /** How its bytes become frames: as server-sent events, where it does not say. */
  readonly splitter?: FrameSplitter
  /** True while an end would be no cut. What comes after all may show that the answer goes on. */
  readonly finished: boolean
  /** @throws ChatError for an error inside the stream, or a frame that is none */
  frame(frame: SseFrame): readonly ChatEvent[]
  /** The events still due when the bytes are over. @throws ChatError when the answer is cut or empty */
  end(how: 'terminated' | 'cut'): readonly ChatEvent[]
}

/** Milliseconds of silence after the last finish until a stream that does not end itself is over. */
const graceMs = 2_000
/** Of an answer that goes on after a finish: the deadlines judge its silence again. It is the longest that a timer takes. */
const noLimitMs = 2 ** 31 - 1

/**
 * The events of a streamed reply. One generator from the bytes to the events: a hop for each step between costs as much
 * as the step (docs/decisions/0010-cheap-layers.md).
 * @throws what `decoder` throws, and what the wire throws before the finish
 */
export async function* readFrames(
  reply: HttpReply,
  decoder: FrameDecoder,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const splitter: FrameSplitter = decoder.splitter ?? new SseDecoder()
  let failure: unknown
  let isInGrace = false
  try {
    for await (const bytes of reply.body) {
      for (const frame of splitter.push(bytes) ?? []) {
        if (frame.data === '[DONE]') {
          for (const event of decoder.end('terminated')) yield event
          return
        }
        for (const event of decoder.frame(frame)) yield event
      }
      if (decoder.finished) reply.limitIdle(graceMs)
      else if (isInGrace) reply.limitIdle(noLimitMs)
      isInGrace = decoder.finished
    }
    const last = splitter.end()
    if (last?.data === '[DONE]') {
      for (const event of decoder.end('terminated')) yield event
      return
    }
    if (last) for (const event of decoder.frame(last)) yield event
  } catch (thrown) {
    // after the last finish nothing takes the answer away: no failure, no deadline, no shutdown; only that the client left
    if (!decoder.finished || isGone(signal)) throw thrown
    failure = thrown
  }
  for (const event of ended(decoder, failure)) yield event
}

/** @param failure what broke the stream off after its finish: it says why there is no answer, where there is none */
function ended(decoder: FrameDecoder, failure: unknown): readonly ChatEvent[] {
  try {
    return decoder.end('cut')
  } catch (thrown) {
    throw failure ?? thrown
  }
}

function isGone({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof ChatError && reason.reason !== 'cancelled')
}
