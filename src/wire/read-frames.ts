import { ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Batch } from '../flow/flow.ts'
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
 * The events of a streamed reply, a batch for each read of the network. One generator does all the steps from bytes to events
 * (docs/decisions/0033-batches.md). What came before an error is given before it is thrown.
 * @throws what `decoder` throws, and network errors before the finish
 */
export async function* readFrames(reply: FramedReply, decoder: FrameDecoder, signal: Cancel): AsyncGenerator<Batch> {
  const splitter: FrameSplitter = decoder.splitter ?? new SseDecoder()
  let batch: ChatEvent[] = []
  let failure: unknown
  let isInGrace = false
  let isTerminated = false
  try {
    for await (const bytes of reply.body) {
      const frames = splitter.push(bytes) ?? []
      isTerminated = frames.some(isLongFrame)
        ? await decodeLong(batch, frames, decoder)
        : decode(batch, frames, decoder)
      if (isTerminated) break
      // while its reader takes its time, nothing here holds what has been given
      const given = batch
      batch = []
      if (given.length > 0) yield given
      if (decoder.finished) reply.limitIdle(graceMs)
      else if (isInGrace) reply.limitIdle(noLimitMs)
      isInGrace = decoder.finished
      if (splitter.isLongPage) break
    }
    if (!isTerminated) {
      isTerminated = await decodeLong(batch, splitter.end() ?? [], decoder)
      throwIfPage(reply, splitter)
    }
  } catch (thrown) {
    failure = thrown
    // after the last finish the answer is complete: no failure, deadline or shutdown matters any more, unless the client left
    if (!decoder.finished || isGone(signal)) {
      if (batch.length > 0) yield batch
      throw thrown
    }
  }
  yield* lastBatch(decoder, { batch, how: isTerminated ? 'terminated' : 'cut', failure })
}

interface StreamEnd {
  /** What came since the last batch was given. */
  readonly batch: readonly ChatEvent[]
  readonly how: 'terminated' | 'cut'
  /** The error that broke the stream off after its finish; it is the cause if there is no answer after all. */
  readonly failure: unknown
}

function* lastBatch(decoder: FrameDecoder, { batch, how, failure }: StreamEnd): Generator<Batch> {
  let last: readonly ChatEvent[]
  try {
    last = decoder.end(how)
  } catch (thrown) {
    if (batch.length > 0) yield batch
    throw failure ?? thrown
  }
  if (batch.length + last.length > 0) yield [...batch, ...last]
}

/** Decodes frames up to the one that ends the stream. @returns whether that was there */
function decode(batch: ChatEvent[], frames: readonly SseFrame[], decoder: FrameDecoder): boolean {
  for (const frame of frames) {
    if (isDone(frame)) return true
    for (const event of decoder.frame(frame)) batch.push(event)
  }
  return false
}

/** The same for frames of which some are so long that they are read in steps. */
async function decodeLong(batch: ChatEvent[], frames: readonly SseFrame[], decoder: FrameDecoder): Promise<boolean> {
  for (const frame of frames) {
    const read = isLongFrame(frame) ? await readFrame(frame) : frame
    if (decode(batch, [read], decoder)) return true
  }
  return false
}
/** Judges by the bytes, because some services send JSON and events with the content type of a page. */
function throwIfPage(reply: FramedReply, { passedOver }: FrameSplitter): void {
  if (passedOver && isPage(reply.headers, passedOver)) throw pageError(reply, passedOver)
}

function isGone({ aborted, reason }: Cancel): boolean {
  return aborted && !(reason instanceof ChatError && reason.reason !== 'cancelled')
}
