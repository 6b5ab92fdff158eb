import { asChatError, ChatError } from '../../../chat/error.ts'
import type { GapEvent, RecordedEvent } from '../../../conversations/read-recording.ts'
import { failureOf } from '../../../dialects/openai-responses/encode-error.ts'
import { type Batch, batches, type Flow, flowOf } from '../../../flow/flow.ts'
import { sseData, sseEvent, sseKeepAlive } from '../../../wire/sse.ts'
import type { RunningChat } from '../../exchange/services.ts'
import type { StreamSurface } from '../../exchange/stream-body.ts'
import { currentResponse } from './current.ts'
import { recordingOf } from './recording-name.ts'

interface Replay {
  readonly answer: Flow<RecordedEvent>
  readonly surface: StreamSurface<RecordedEvent>
}

/** Gives the recorded events of a response after the one with this number; -1 for all. */
export function replay(id: string, after: number, running: RunningChat): Replay {
  const surface = new ReplaySurface(after + 1)
  return { answer: flowOf(() => recorded(id, after, running), running.open.call.signal), surface }
}

/** Reads a recording. If its writer has died, the last event says so. */
async function* recorded(
  id: string,
  after: number,
  { exchange, services, open }: RunningChat,
): AsyncGenerator<Batch<RecordedEvent>> {
  const { caller } = exchange
  let next = after + 1
  try {
    for await (const batch of batches(services.recordings.read(recordingOf(caller, id), after, open.call.signal))) {
      const events = batch.map(refuseGap)
      next = (events.at(-1)?.number ?? next) + 1
      yield events
    }
  } catch (thrown) {
    const found = asChatError(thrown).code === 'stream_interrupted' && (await currentResponse(id, exchange, services))
    if (!found) throw thrown
    const { response } = found
    const type = `response.${response.status}`
    const last = sseEvent(type, JSON.stringify({ type, sequence_number: next, response }))
    yield [{ type: 'recorded', number: next, text: last + sseData('[DONE]') }]
  }
}

/** Clients of this protocol know no gap: they would put the answer together wrongly. @throws ChatError `unavailable` */
function refuseGap(event: RecordedEvent | GapEvent): RecordedEvent {
  if (event.type === 'recorded') return event
  const message = `The events up to number ${event.to} of this stream are not kept any more. Ask for the whole response.`
  throw new ChatError('unavailable', { message, code: 'events_not_kept' })
}

/** Writes recorded events as they are. */
class ReplaySurface implements StreamSurface<RecordedEvent> {
  readonly keepAlive = sseKeepAlive
  /** The number of the next event. */
  #next: number

  constructor(next: number) {
    this.#next = next
  }

  event({ number, text }: RecordedEvent): string {
    this.#next = number + 1
    return text
  }

  end(): string {
    return ''
  }

  /** The response has not failed, only its replay. OpenAI's clients read the members, and those of Open Responses the object. */
  error(error: ChatError): string {
    const { code, message } = failureOf(error)
    const said = { code, message, param: null }
    const event = { type: 'error', sequence_number: this.#next, ...said, error: { type: 'server_error', ...said } }
    return sseEvent('error', JSON.stringify(event))
  }
}
