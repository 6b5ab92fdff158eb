import { ChatError } from '../../chat/error.ts'
import type { GapEvent, RecordedEvent } from '../../conversations/read-recording.ts'
import { sseEvent, sseKeepAlive } from '../../wire/sse.ts'
import { queryOf } from './answer-json.ts'
import type { Exchange } from './exchange.ts'
import { respondStream } from './respond.ts'
import { streamKey } from './resumable.ts'
import type { RunningChat } from './services.ts'

/**
 * Responds with a recorded stream from the event after the client's last one, and goes on until its end.
 * @param error writes a failure to read it
 * @throws ChatError `not-found` if the caller has no such stream; `invalid-request`
 */
export async function replayStream(
  id: string,
  { exchange, open, services }: RunningChat,
  error: (error: ChatError) => string,
): Promise<Response> {
  // the head of the response has the id
  if (!/^[\x21-\x7e]+$/.test(id)) throw noStream()
  const answer = services.recordings.read(streamKey(exchange.caller, id), lastEventId(exchange), open.call.signal)
  open.call.receipt.stream = id
  const surface = { event: textOf, end: () => '', error, keepAlive: sseKeepAlive }
  return respondStream(exchange, open, { answer, surface, keepAliveMs: services.keepAliveMs })
}

/** The number of the last event that the client has; -1 for none. WHATWG HTML, 9.2.4 @throws ChatError `invalid-request` */
function lastEventId(exchange: Exchange): number {
  const text = exchange.request.headers.get('last-event-id') ?? queryOf(exchange, 'last_event_id') ?? ''
  if (text === '') return -1
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new ChatError('invalid-request', {
    message: 'Last-Event-ID: must be the id of an event of this stream, which is a number.',
    param: 'Last-Event-ID',
  })
}

function noStream(): ChatError {
  return new ChatError('not-found', { message: 'There is no such stream, or its events are not kept any more.' })
}

/** A gap has the id of its last event, so that a client that comes back goes on after it. */
function textOf(event: RecordedEvent | GapEvent): string {
  return event.type === 'gap' ? `id: ${event.to}\n${sseEvent('gap', JSON.stringify(event))}` : event.text
}
