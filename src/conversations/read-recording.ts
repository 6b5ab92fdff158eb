import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Batch } from '../flow/flow.ts'
import type { Runtime } from '../flow/runtime.ts'
import { within } from '../flow/wait.ts'
import type { Store } from '../state/store.ts'
import {
  growthChannel,
  headKey,
  type RecordingHead,
  readerChannel,
  type Segment,
  segmentKey,
  unpackHead,
  unpackSegment,
} from './recording.ts'

/** An event of a recorded stream, as a client got it or would have got it. */
export interface RecordedEvent {
  readonly type: 'recorded'
  /** Its place in the stream, counted from 0. */
  readonly number: number
  readonly text: string
}

/** Events that are not kept any more, at the place where they would be. */
export interface GapEvent {
  readonly type: 'gap'
  /** The numbers of the first and the last missing event. */
  readonly from: number
  readonly to: number
}

/** Where recordings are found. */
export interface RecordingSource {
  readonly store: Store
  readonly runtime: Pick<Runtime, 'now'>
}

/** Milliseconds after which a reader looks again, because a notice may be lost. */
const lookMs = 1_000
/** Milliseconds after which a reader says again that it is there. */
const presentMs = 15_000

/** Gives the events after the one with this number, until the recording ends. @throws ChatError `not-found`, `unavailable` */
export async function* recordedEvents(
  source: RecordingSource,
  key: string,
  { after, signal }: { readonly after: number; readonly signal: Cancel },
): AsyncGenerator<Batch<RecordedEvent | GapEvent>> {
  const growth = await watchGrowth(source, key)
  const presence = new Presence(source, key)
  try {
    for (let at = 0, next = after + 1; ; ) {
      // the head is read first: one that is read after the segment may tell of an end that came in between
      const head = await headOf(source, key)
      at = Math.max(at, head?.firstSegment ?? 0)
      const segment = await segmentAt(source, key, at)
      if (segment) {
        at++
        const batch = eventsFrom(segment, next)
        if (batch.length > 0) yield batch
        next = Math.max(next, segment.from + segment.events.length)
      } else if (hasEnded(head, at, source)) return
      else {
        presence.tell()
        await growth.next(signal)
      }
    }
  } finally {
    growth.stop()
  }
}

/** Tells the writer of a recording from time to time that somebody reads it. */
class Presence {
  readonly #source: RecordingSource
  readonly #channel: string
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(source: RecordingSource, key: string) {
    this.#source = source
    this.#channel = readerChannel(key)
  }

  tell(): void {
    const now = this.#source.runtime.now()
    if (now - this.#toldAt < presentMs) return
    this.#toldAt = now
    this.#source.store.notify(this.#channel, '').catch(() => undefined)
  }
}

/** Resolves when no process writes the recording any more. */
export async function untilEnded(source: RecordingSource, key: string, signal: Cancel): Promise<void> {
  const growth = await watchGrowth(source, key)
  try {
    while (isWritten(await headOf(source, key), source)) await growth.next(signal)
  } finally {
    growth.stop()
  }
}

export async function headOf({ store }: RecordingSource, key: string): Promise<RecordingHead | undefined> {
  const found = await store.get(headKey(key))
  return found && unpackHead(found.value)
}

/** Whether a process still writes a recording. */
export function isWritten(head: RecordingHead | undefined, { runtime }: RecordingSource): boolean {
  return head !== undefined && !head.hasEnded && head.aliveUntil > runtime.now()
}

/** Whether a recording has ended with the segments that were read. @throws ChatError if it never will */
function hasEnded(head: RecordingHead | undefined, read: number, source: RecordingSource): boolean {
  if (!head)
    throw new ChatError('not-found', { message: 'There is no such stream, or its events are not kept any more.' })
  // an end is written after the last segment, so a segment before it is gone
  if (head.isCut || (head.hasEnded && head.segments > read)) throw missingEvents()
  if (!head.hasEnded && !isWritten(head, source)) throw lostWriter()
  return head.hasEnded
}

function missingEvents(): ChatError {
  const message = 'The next events of this stream were not kept, because it is too long or too old.'
  return new ChatError('unavailable', { message, code: 'events_not_kept' })
}

function lostWriter(): ChatError {
  const message = 'The gateway stopped while it wrote this stream.'
  return new ChatError('unavailable', { message, code: 'stream_interrupted' })
}

async function segmentAt({ store }: RecordingSource, key: string, at: number): Promise<Segment | undefined> {
  const found = await store.get(segmentKey(key, at))
  return found && unpackSegment(found.value)
}

/** The events from the one with the number `next` on. If the segment begins after it, the first one is a gap. */
function eventsFrom({ from, events }: Segment, next: number): Batch<RecordedEvent | GapEvent> {
  const first = Math.max(0, next - from)
  const kept = events.slice(first).map((text, at) => ({ type: 'recorded', number: from + first + at, text }) as const)
  return from > next ? [{ type: 'gap', from: next, to: from - 1 }, ...kept] : kept
}

interface Growth {
  /** Waits until something was written since the last call. */
  next(signal: Cancel): Promise<void>
  stop(): void
}

async function watchGrowth({ store }: RecordingSource, key: string): Promise<Growth> {
  let grown = Promise.withResolvers<void>()
  const stop = await store.listen(growthChannel(key), () => grown.resolve())
  return {
    stop,
    async next(signal) {
      await within(grown.promise, lookMs, signal)
      grown = Promise.withResolvers()
    },
  }
}
