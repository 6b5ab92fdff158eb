import { ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { Cancel } from '../flow/cancel.ts'
import { isDone, isLongFrame, readFrame } from './frame-value.ts'
import type { HttpReply } from './http-reply.ts'
import { isPage, pageError } from './http-status.ts'
import { SseDecoder, type SseFrame } from './sse.ts'

/** Cuts bytes into frames: server-sent events, or the upstream's own kind of frame. */
export interface FrameSplitter {
  /** Text before the first frame that is not a frame, such as a web page. */
  readonly passedOver?: string
  /** Whether the text is a page so long that no frame will follow. */
  readonly isLongPage?: boolean
  /** Returns the frames that these bytes complete; undefined for none. */
  push(bytes: Uint8Array): readonly SseFrame[] | undefined
  /** Returns the frames that the end of the stream completes; undefined for none. */
  end(): readonly SseFrame[] | undefined
}

/** Turns the frames of one stream into events, for one upstream or dialect. */
export interface FrameDecoder {
  /** Cuts the bytes into frames; server-sent events by default. */
  readonly splitter?: FrameSplitter
  /** True if the answer would be complete if it ended now. A later frame may continue the answer and make it false again. */
  readonly finished: boolean
  /** @throws ChatError for an error inside the stream, or an invalid frame */
  frame(frame: SseFrame): readonly ChatEvent[]
  /** Returns the last events, when the bytes have ended. @throws ChatError if the answer is cut or empty */
  end(how: 'terminated' | 'cut'): readonly ChatEvent[]
}

/** Milliseconds of silence after the last finish, after which a stream that does not end itself counts as ended. */
const graceMs = 2_000
/** The idle limit of an answer that continues after a finish: the deadline layer takes over again. It is the longest time that a timer can wait. */
const noLimitMs = 2 ** 31 - 1

/** The members of a reply that are needed to read its frames. */
export type FramedReply = Pick<HttpReply, 'status' | 'headers' | 'body' | 'limitIdle'>

/**
 * The events of a streamed reply. One generator does all the steps from bytes to events, because a generator for each step
 * would double the cost (docs/decisions/0010-cheap-layers.md).
 * @throws what `decoder` throws, and network errors before the finish
 */
export async function* readFrames(
  reply: FramedReply,
  decoder: FrameDecoder,
  signal: Cancel,
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
    // after the last finish the answer is complete: no failure, deadline or shutdown matters any more, unless the client left
    if (!decoder.finished || isGone(signal)) throw thrown
    failure = thrown
  }
  for (const event of ended(decoder, how, failure)) yield event
}

/** @param failure the error that broke the stream off after its finish; it is the cause if there is no answer after all */
function ended(decoder: FrameDecoder, how: 'terminated' | 'cut', failure: unknown): readonly ChatEvent[] {
  try {
    return decoder.end(how)
  } catch (thrown) {
    throw failure ?? thrown
  }
}

/** Judges by the bytes, because some services send JSON and events with the content type of a page. */
function throwIfPage({ status, headers }: FramedReply, { passedOver }: FrameSplitter): void {
  if (passedOver && isPage(headers, passedOver)) throw pageError(status, headers, passedOver)
}

function isGone({ aborted, reason }: Cancel): boolean {
  return aborted && !(reason instanceof ChatError && reason.reason !== 'cancelled')
}
