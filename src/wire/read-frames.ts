import { ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { Cancel } from '../flow/cancel.ts'
import { type Batch, batches, type Flow, type NextBatch } from '../flow/flow.ts'
import { type ByteReader, readerOf } from './byte-reader.ts'
import { isDone, isLongFrame, readFrame } from './frame-value.ts'
import type { BodyPiece } from './http-body.ts'
import type { HttpReply } from './http-reply.ts'
import { isPage, pageError } from './http-status.ts'
import { SseDecoder, type SseFrame } from './sse.ts'

/** Cuts bytes into frames: server-sent events, or the upstream's own kind of frame. */
export interface FrameSplitter {
  /** Text before the first frame that is not a frame, such as a web page. */
  readonly passedOver?: string
  /** Whether the text is a page too long for a frame to follow. */
  readonly isLongPage?: boolean
  /** Returns the frames that these bytes complete; undefined for none. */
  push(bytes: Uint8Array): readonly SseFrame[] | undefined
  /** Returns the frames that the end of the stream completes; undefined for none. */
  end(): readonly SseFrame[] | undefined
}

/** How a stream ended: with its end marker, or without one. */
type StreamEnding = 'terminated' | 'cut'

/** Turns the frames of one stream into events, for one upstream or dialect. */
export interface FrameDecoder {
  /** Cuts the bytes into frames; server-sent events by default. */
  readonly splitter?: FrameSplitter
  /** True if the answer would be complete if it ended now. A later frame may continue the answer and make it false again. */
  readonly finished: boolean
  /** @throws ChatError for an error inside the stream, or an invalid frame */
  frame(frame: SseFrame): readonly ChatEvent[]
  /** Returns the last events, when the bytes have ended. @throws ChatError if the answer is cut or empty */
  end(how: StreamEnding): readonly ChatEvent[]
}

/** Milliseconds. A stream that has finished but does not end counts as ended after such a silence. */
const graceMs = 2_000
/** Milliseconds, the most of a timer. An answer that continues after a finish is limited by the deadline layer alone. */
const noLimitMs = 2 ** 31 - 1

/** The members of a reply that are needed to read its frames. */
export type FramedReply = Pick<HttpReply, 'status' | 'headers' | 'body' | 'limitIdle'>

/** The call that a reply belongs to. */
export interface FramesCall {
  /** The reply ends when it is aborted. */
  readonly signal: Cancel
  /** Released once, when no more bytes will be read. */
  readonly link?: { release(): void }
}

/**
 * The events of a streamed reply, a batch for each read of the network. It throws an error after the events before it.
 * @throws what `decoder` throws, and network errors before the finish
 */
export function readFrames(reply: FramedReply, decoder: FrameDecoder, signal: Cancel): AsyncIterable<Batch> {
  return batches(frameFlow(reply, decoder, { signal }))
}

/** The same as a flow, which makes fewer promises than a generator. */
export function frameFlow(reply: FramedReply, decoder: FrameDecoder, call: FramesCall): Flow {
  return new ReplyFrames(reply, decoder, call)
}

class ReplyFrames implements Flow {
  readonly #reply: FramedReply
  readonly #decoder: FrameDecoder
  readonly #call: FramesCall
  readonly #splitter: FrameSplitter
  readonly #bytes: ByteReader
  #wasFinished = false
  #isOver = false
  /** What is thrown after the last batch. */
  #failure: { readonly thrown: unknown } | undefined

  constructor(reply: FramedReply, decoder: FrameDecoder, call: FramesCall) {
    this.#reply = reply
    this.#decoder = decoder
    this.#call = call
    this.#splitter = decoder.splitter ?? new SseDecoder()
    this.#bytes = readerOf(reply.body)
  }

  next(): NextBatch<ChatEvent> | Promise<NextBatch<ChatEvent>> {
    for (;;) {
      if (this.#failure) throw this.#failure.thrown
      if (this.#isOver) return undefined
      this.#limitIdle()
      const batch = this.#read()
      if (batch instanceof Promise) return batch
      if (batch !== noEvents) return batch
    }
  }

  close(): void {
    this.#failure = undefined
    if (!this.#isOver) this.#stop()
  }

  /** A stream that has finished may continue, but then it may not be silent for long. */
  #limitIdle(): void {
    const { finished } = this.#decoder
    if (finished) this.#reply.limitIdle(graceMs)
    else if (this.#wasFinished) this.#reply.limitIdle(noLimitMs)
    this.#wasFinished = finished
  }

  #read(): NextBatch<ChatEvent> | Promise<NextBatch<ChatEvent>> {
    let bytes: BodyPiece | Promise<BodyPiece>
    try {
      bytes = this.#bytes.read()
    } catch (thrown) {
      return this.#onFailure(thrown)
    }
    return bytes instanceof Promise ? bytes.then(this.#onBytes, this.#onFailure) : this.#take(bytes)
  }

  readonly #onBytes = (bytes: BodyPiece): NextBatch<ChatEvent> | Promise<NextBatch<ChatEvent>> => {
    const batch = this.#take(bytes)
    return batch === noEvents ? this.next() : batch
  }

  readonly #onFailure = (thrown: unknown): NextBatch<ChatEvent> => (this.#isOver ? undefined : this.#fail([], thrown))

  /** Returns the events of these bytes, or `noEvents`; the last events if the bytes have ended. */
  #take(bytes: BodyPiece): NextBatch<ChatEvent> | Promise<NextBatch<ChatEvent>> {
    if (this.#isOver) return undefined
    const batch: ChatEvent[] = []
    let how: StreamEnding | undefined
    try {
      const frames = bytes ? this.#splitter.push(bytes) : this.#splitter.end()
      if (frames?.some(isLongFrame)) return this.#takeLong(batch, frames, bytes)
      how = this.#endAfter(bytes, frames !== undefined && decode(batch, frames, this.#decoder))
    } catch (thrown) {
      return this.#fail(batch, thrown)
    }
    return this.#give(batch, how)
  }

  async #takeLong(batch: ChatEvent[], frames: readonly SseFrame[], bytes: BodyPiece): Promise<NextBatch<ChatEvent>> {
    let how: StreamEnding | undefined
    try {
      how = this.#endAfter(bytes, await decodeLong(batch, frames, this.#decoder))
    } catch (thrown) {
      return this.#isOver ? undefined : this.#fail(batch, thrown)
    }
    const given = this.#isOver ? undefined : await this.#give(batch, how)
    return given === noEvents ? this.next() : given
  }

  /** Returns how the stream ends after these bytes; undefined if it goes on. */
  #endAfter(bytes: BodyPiece, isTerminated: boolean): StreamEnding | undefined {
    if (!bytes) throwIfPage(this.#reply, this.#splitter)
    if (isTerminated) return 'terminated'
    return bytes ? undefined : 'cut'
  }

  #give(batch: Batch, how: StreamEnding | undefined): NextBatch<ChatEvent> | Promise<NextBatch<ChatEvent>> {
    if (how) return this.#end(batch, how)
    // nothing is read after a long page
    if (this.#splitter.isLongPage) return this.#take(undefined)
    return batch.length > 0 ? batch : noEvents
  }

  /** Ends the stream with the last events. @param failure is thrown if the answer proves to be invalid */
  #end(batch: Batch, how: StreamEnding, failure?: unknown): NextBatch<ChatEvent> {
    this.#stop()
    let last: Batch
    try {
      last = this.#decoder.end(how)
    } catch (thrown) {
      return this.#throwAfter(batch, failure ?? thrown)
    }
    return batch.length + last.length > 0 ? [...batch, ...last] : undefined
  }

  /** After the last finish the answer is complete, so only the loss of the client is a failure then. */
  #fail(batch: Batch, thrown: unknown): NextBatch<ChatEvent> {
    if (this.#decoder.finished && !isGone(this.#call.signal)) return this.#end(batch, 'cut', thrown)
    this.#stop()
    return this.#throwAfter(batch, thrown)
  }

  #throwAfter(batch: Batch, thrown: unknown): NextBatch<ChatEvent> {
    this.#failure = { thrown }
    if (batch.length > 0) return batch
    throw thrown
  }

  #stop(): void {
    this.#isOver = true
    this.#bytes.stop()
    this.#call.link?.release()
  }
}

/** Stands for a read of the network without events. */
const noEvents: Batch = []

/** Decodes frames up to the one that ends the stream. @returns whether such a frame was there */
function decode(batch: ChatEvent[], frames: readonly SseFrame[], decoder: FrameDecoder): boolean {
  for (const frame of frames) {
    if (isDone(frame)) return true
    for (const event of decoder.frame(frame)) batch.push(event)
  }
  return false
}

/** Reads frames, and reads long ones in steps. */
async function decodeLong(batch: ChatEvent[], frames: readonly SseFrame[], decoder: FrameDecoder): Promise<boolean> {
  for (const frame of frames) {
    const read = isLongFrame(frame) ? await readFrame(frame) : frame
    if (decode(batch, [read], decoder)) return true
  }
  return false
}

/** Looks at the bytes too, because some services send JSON and events with the content type of a page. */
function throwIfPage(reply: FramedReply, { passedOver }: FrameSplitter): void {
  if (passedOver && isPage(reply.headers, passedOver)) throw pageError(reply, passedOver)
}

function isGone({ aborted, reason }: Cancel): boolean {
  return aborted && !(reason instanceof ChatError && reason.reason !== 'cancelled')
}
