import type { Cancel } from '../../../flow/cancel.ts'
import { type Batch, batches, type Flow } from '../../../flow/flow.ts'
import type { LoopEvent } from '../../../gateway/tool-loop/events.ts'
import type { ServerEvent } from './event.ts'
import type { Recorder } from './recorder.ts'
import { show } from './show.ts'

export interface AnswerOptions {
  readonly session: string
  readonly recorder: Recorder
  readonly signal: Cancel
}

/** Streams an answer. Each event is stored before it is shown. However the answer ends, the session becomes free. */
export async function* answer(
  flow: Flow<LoopEvent>,
  { session, recorder, signal }: AnswerOptions,
): AsyncGenerator<Batch<ServerEvent>> {
  try {
    for await (const batch of batches(flow)) {
      const shown: ServerEvent[] = []
      for (const event of batch) {
        const kept = recorder.record(event)
        if (kept) await kept
        shown.push(...show(event))
      }
      if (shown.length > 0) yield shown
    }
    signal.throwIfAborted()
    const message = recorder.encode(session, await recorder.settle('completed'))
    const complete: ServerEvent = { type: 'complete', data: { message } }
    yield recorder.usage ? [{ type: 'usage', data: recorder.usage }, complete] : [complete]
  } catch (thrown) {
    // a second failure, now of the storage, must not hide the first one
    await recorder.settle('failed').catch(() => undefined)
    throw signal.aborted ? signal.reason : thrown
  } finally {
    await recorder.settle('cancelled').catch(() => undefined)
  }
}
