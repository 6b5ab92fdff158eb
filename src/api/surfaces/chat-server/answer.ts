import type { Cancel } from '../../../flow/cancel.ts'
import type { LoopEvent } from '../../../gateway/tool-loop/events.ts'
import type { ServerEvent } from './event.ts'
import type { Recorder } from './recorder.ts'
import { show } from './show.ts'

export interface AnswerOptions {
  readonly session: string
  readonly recorder: Recorder
  readonly signal: Cancel
}

/** An answer as it is streamed. What is shown has been kept; when it ends, however that is, the session is free. */
export async function* answer(
  events: AsyncIterable<LoopEvent>,
  { session, recorder, signal }: AnswerOptions,
): AsyncGenerator<ServerEvent> {
  try {
    for await (const event of events) {
      const kept = recorder.record(event)
      if (kept) await kept
      yield* show(event)
    }
    signal.throwIfAborted()
    const message = recorder.encode(session, await recorder.settle('completed'))
    if (recorder.usage) yield { type: 'usage', data: recorder.usage }
    yield { type: 'complete', data: { message } }
  } catch (thrown) {
    // what cannot be kept any more is no news after what has gone wrong first
    await recorder.settle('failed').catch(() => undefined)
    throw signal.aborted ? signal.reason : thrown
  } finally {
    await recorder.settle('cancelled').catch(() => undefined)
  }
}
