import { ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import { isDone, isLongFrame, readFrame } from './frame-value.ts'
import type { HttpReply } from './http-reply.ts'
import { isPage, pageError } from './http-status.ts'
import { SseDecoder, type SseFrame } from './sse.ts'

/** Cuts bytes into frames: server-sent events, or what an upstream has instead. */
export interface FrameSplitter {
  /** What came before the first frame and is none, such as a web page. */
  readonly passedOver?: string
  /** Whether so much of a page has come that nothing else will. */
  readonly isLongPage?: boolean
  /** The frames that this read completes; undefined for none. */
  push(bytes: Uint8Array): readonly SseFrame[] | undefined
  /** The frames that the stream ends within; undefined for none. */
  end(): readonly SseFrame[] | undefined
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

/** What of a reply is needed to read its frames. */
export type FramedReply = Pick<HttpReply, 'status' | 'headers' | 'body' | 'limitIdle'>

/**
 * The events of a streamed reply. One generator from the bytes to the events: a hop for each step between costs as much
 * as the step (docs/decisions/0010-cheap-layers.md).
 * @throws what `decoder` throws, and what the wire throws before the finish
 */
export async function* readFrames(
  reply: FramedReply,
  decoder: FrameDecoder,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const splitter: FrameSplitter = decoder.splitter ?? new SseDecoder()
  let failure: unknown
  let isInGrace = false
  let how: 'terminated' | 'cut' = 'cut'
  try {
    for await (const bytes of reply.body) {
      for (const frame of splitter.push(bytes) ?? []) {
        if (isDone(frame)) {
          for (const event of decoder.end('terminated')) yield event
          return
        }
        for (const event of decoder.frame(isLongFrame(frame) ? await readFrame(frame) : frame)) yield event
      }
      if (decoder.finished) reply.limitIdle(graceMs)
      else if (isInGrace) reply.limitIdle(noLimitMs)
      isInGrace = decoder.finished
      if (splitter.isLongPage) break
    }
    const rest = splitter.end() ?? []
    const doneAt = rest.findIndex(isDone)
    for (const frame of doneAt === -1 ? rest : rest.slice(0, doneAt))
      for (const event of decoder.frame(isLongFrame(frame) ? await readFrame(frame) : frame)) yield event
    if (doneAt !== -1) how = 'terminated'
    throwIfPage(reply, splitter)
  } catch (thrown) {
    // after the last finish nothing takes the answer away: no failure, no deadline, no shutdown; only that the client left
    if (!decoder.finished || isGone(signal)) throw thrown
    failure = thrown
  }
  for (const event of ended(decoder, how, failure)) yield event
}

/** @param failure what broke the stream off after its finish: it says why there is no answer, where there is none */
function ended(decoder: FrameDecoder, how: 'terminated' | 'cut', failure: unknown): readonly ChatEvent[] {
  try {
    return decoder.end(how)
  } catch (thrown) {
    throw failure ?? thrown
  }
}

/** A page is known by its bytes: there are services that call their JSON and their events a page. */
function throwIfPage({ status, headers }: FramedReply, { passedOver }: FrameSplitter): void {
  if (passedOver && isPage(headers, passedOver)) throw pageError(status, headers, passedOver)
}

function isGone({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof ChatError && reason.reason !== 'cancelled')
}
