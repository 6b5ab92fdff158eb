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

/** Where recordings are found. */
export interface RecordingSource {
  readonly store: Store
  readonly runtime: Pick<Runtime, 'now'>
}

/** Milliseconds after which a reader looks again, because a notice may be lost. */
const lookMs = 1_000

/** Gives the events after the one with this number, until the recording ends. @throws ChatError `not-found`, `unavailable` */
export async function* recordedEvents(
  source: RecordingSource,
  key: string,
  { after, signal }: { readonly after: number; readonly signal: Cancel },
): AsyncGenerator<Batch<RecordedEvent>> {
  const growth = await watchGrowth(source, key)
  try {
    for (let at = 0; ; ) {
      // the head is read first: one that is read after the segment may tell of an end that came in between
      const head = await headOf(source, key)
      const segment = await segmentAt(source, key, at)
      if (segment) {
        at++
        const batch = eventsAfter(segment, after)
        if (batch.length > 0) yield batch
      } else if (hasEnded(head, at, source)) return
      else await growth.next(signal)
    }
  } finally {
    growth.stop()
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
  if (!head) throw new ChatError('not-found', { message: 'The events of this stream are not kept any more.' })
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

function eventsAfter({ from, events }: Segment, after: number): Batch<RecordedEvent> {
  const first = Math.max(0, after + 1 - from)
  return events.slice(first).map((text, at) => ({ type: 'recorded', number: from + first + at, text }))
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
