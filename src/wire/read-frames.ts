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
  /** Whether the text is a page too long for a frame to follow. */
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

/** Milliseconds. A stream that has finished but does not end counts as ended after such a silence. */
const graceMs = 2_000
/** Milliseconds, the most of a timer. An answer that continues after a finish is limited by the deadline layer alone. */
const noLimitMs = 2 ** 31 - 1

/** The members of a reply that are needed to read its frames. */
export type FramedReply = Pick<HttpReply, 'status' | 'headers' | 'body' | 'limitIdle'>

/**
 * The events of a streamed reply, a batch for each read of the network. It throws an error after the events before it.
 * @throws what `decoder` throws, and network errors before the finish
 */
export function readFrames(reply: FramedReply, decoder: FrameDecoder, signal: Cancel): AsyncIterable<Batch> {
  return new ReplyFrames(reply, decoder, signal)
}

type BatchStep = IteratorResult<Batch, undefined>

/** Not a generator, because its promises would cost a tenth of the time for a chunk. Only `#end` is a generator. */
class ReplyFrames implements AsyncIterableIterator<Batch, undefined> {
  readonly #reply: FramedReply
  readonly #decoder: FrameDecoder
  readonly #signal: Cancel
  readonly #splitter: FrameSplitter
  readonly #bytes: AsyncIterator<Uint8Array>
  /** Gives the last batches when no more bytes are read. */
  #end: AsyncGenerator<Batch, undefined> | undefined
  #wasFinished = false

  constructor(reply: FramedReply, decoder: FrameDecoder, signal: Cancel) {
    this.#reply = reply
    this.#decoder = decoder
    this.#signal = signal
    this.#splitter = decoder.splitter ?? new SseDecoder()
    this.#bytes = reply.body[Symbol.asyncIterator]()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<BatchStep> {
    if (this.#end) return this.#end.next()
    this.#limitIdle()
    return this.#bytes.next().then(this.#onBytes, this.#onFailure)
  }

  /** Called when the reader stops early. */
  async return(): Promise<BatchStep> {
    const isReading = this.#end === undefined
    this.#end ??= this.#endAfter([], 'terminated')
    await this.#end.return(undefined)
    if (isReading) await this.#bytes.return?.()
    return { done: true, value: undefined }
  }

  /** A stream that has finished may continue, but then it may not be silent for long. */
  #limitIdle(): void {
    const { finished } = this.#decoder
    if (finished) this.#reply.limitIdle(graceMs)
    else if (this.#wasFinished) this.#reply.limitIdle(noLimitMs)
    this.#wasFinished = finished
  }

  readonly #onBytes = ({ done, value }: IteratorResult<Uint8Array>): BatchStep | Promise<BatchStep> => {
    if (done) return this.#endWith(this.#endAfter([], 'cut'))
    const batch: ChatEvent[] = []
    try {
      const frames = this.#splitter.push(value) ?? []
      if (frames.some(isLongFrame)) return this.#decodeLong(batch, frames)
      return this.#give(batch, decode(batch, frames, this.#decoder))
    } catch (thrown) {
      return this.#stopWith(this.#fail(batch, thrown))
    }
  }

  readonly #onFailure = (thrown: unknown): Promise<BatchStep> => this.#endWith(this.#fail([], thrown))

  async #decodeLong(batch: ChatEvent[], frames: readonly SseFrame[]): Promise<BatchStep> {
    try {
      return await this.#give(batch, await decodeLong(batch, frames, this.#decoder))
    } catch (thrown) {
      return this.#stopWith(this.#fail(batch, thrown))
    }
  }

  #give(batch: ChatEvent[], isTerminated: boolean): BatchStep | Promise<BatchStep> {
    if (isTerminated) return this.#stopWith(this.#endAfter(batch, 'terminated'))
    if (this.#splitter.isLongPage) return this.#stopWith(this.#endAfter(batch, 'cut'))
    return batch.length > 0 ? { done: false, value: batch } : this.next()
  }

  /** Ends the stream, although more bytes may follow. */
  async #stopWith(end: AsyncGenerator<Batch, undefined>): Promise<BatchStep> {
    this.#end = end
    await this.#bytes.return?.()
    return end.next()
  }

  #endWith(end: AsyncGenerator<Batch, undefined>): Promise<BatchStep> {
    this.#end = end
    return end.next()
  }

  async *#endAfter(batch: ChatEvent[], how: 'terminated' | 'cut'): AsyncGenerator<Batch, undefined> {
    let isTerminated = how === 'terminated'
    try {
      if (!isTerminated) {
        isTerminated = await decodeLong(batch, this.#splitter.end() ?? [], this.#decoder)
        throwIfPage(this.#reply, this.#splitter)
      }
    } catch (thrown) {
      return yield* this.#fail(batch, thrown)
    }
    yield* lastBatch(this.#decoder, { batch, how: isTerminated ? 'terminated' : 'cut', failure: undefined })
  }

  /** After the last finish the answer is complete, so only the loss of the client is a failure then. */
  async *#fail(batch: ChatEvent[], failure: unknown): AsyncGenerator<Batch, undefined> {
    if (this.#decoder.finished && !isGone(this.#signal)) {
      return yield* lastBatch(this.#decoder, { batch, how: 'cut', failure })
    }
    if (batch.length > 0) yield batch
    throw failure
  }
}

interface StreamEnd {
  /** Events that came after the last batch. */
  readonly batch: readonly ChatEvent[]
  readonly how: 'terminated' | 'cut'
  /** The error that broke the stream off after its finish. It is thrown if the answer proves to be invalid. */
  readonly failure: unknown
}

function* lastBatch(decoder: FrameDecoder, { batch, how, failure }: StreamEnd): Generator<Batch, undefined> {
  let last: readonly ChatEvent[]
  try {
    last = decoder.end(how)
  } catch (thrown) {
    if (batch.length > 0) yield batch
    throw failure ?? thrown
  }
  if (batch.length + last.length > 0) yield [...batch, ...last]
}

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
