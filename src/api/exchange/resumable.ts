import type { Caller } from '../../chat/caller.ts'
import type { AnyEvent } from '../../flow/begin.ts'
import type { Flow } from '../../flow/flow.ts'
import type { OpenCall } from './calls.ts'
import type { Exchange } from './exchange.ts'
import { RecordedAnswer } from './recorded-answer.ts'
import { respondStream } from './respond.ts'
import type { RunningChat } from './services.ts'
import type { StreamSurface } from './stream-body.ts'

/** Milliseconds for which a stream can be read after its end, and for which its events are kept at most. */
const keptMs = 5 * 60_000
const ttlMs = 60 * 60_000

/** Whether the client wants to read the stream again if its connection breaks. */
export function wantsResumable({ request: { headers } }: Exchange): boolean {
  return headers.get('x-tributary-resumable')?.toLowerCase() === 'true'
}

/** The name of the recording of a stream. It has the caller, so that nobody else finds it. */
export function streamKey(caller: Caller, id: string): string {
  return `${caller.id}/stream/${id.slice(0, 256)}`
}

export interface ResumableAnswer<Event> {
  readonly surface: StreamSurface<Event>
  /** The caller's own name for the newest of several streams, such as its session. */
  readonly name?: string
  /** Asks for the answer. The call does not end when the client leaves. */
  ask(open: OpenCall): Flow<Event>
}

/**
 * Responds with a stream whose events are numbered and kept, so that `GET /v1/streams/{id}` can go on with it. The answer goes on for a
 * while when its client leaves.
 */
export async function respondResumable<Event extends AnyEvent>(
  { exchange, open, services }: RunningChat,
  { surface, name, ask }: ResumableAnswer<Event>,
): Promise<Response> {
  const { caller, runtime } = exchange
  const { recordings } = services
  const id = runtime.newId()
  const detached = services.calls.detach(exchange)
  detached.call.receipt.stream = id
  exchange.receipt = detached.call.receipt
  let answer: RecordedAnswer<Event> | undefined
  try {
    const key = streamKey(caller, id)
    const recording = await recordings.open(key, {
      ...{ ttlMs, keptMs, onStop: () => undefined },
      onReader: () => answer?.noteReader(),
    })
    if (name !== undefined) await recordings.setName(streamKey(caller, name), id)
    answer = new RecordedAnswer(ask(detached), { surface, recording, open: detached, timers: runtime.timers })
  } catch (thrown) {
    detached.close()
    throw thrown
  }
  // the client's call ends with its connection; the answer's own call ends with the answer
  const shown: OpenCall = {
    call: detached.call,
    abort: () => undefined,
    noteStream: () => open.noteStream(),
    close: () => open.close(),
  }
  return respondStream(exchange, shown, { answer, surface: answer, keepAliveMs: services.keepAliveMs })
}
