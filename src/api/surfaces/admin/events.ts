import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import { sseEvent, sseKeepAlive } from '../../../wire/sse.ts'
import { answerRequest } from '../../exchange/answer-json.ts'
import type { LiveEvent } from '../../exchange/live-feed.ts'
import { respondStream } from '../../exchange/respond.ts'
import type { StreamSurface } from '../../exchange/stream-body.ts'

const events: StreamSurface<LiveEvent> = {
  event: ({ type, json }) => sseEvent(type, json),
  end: () => '',
  error: (error) => sseEvent('error', JSON.stringify(encodeFailure(error).body)),
  keepAlive: sseKeepAlive,
}

/** `GET /admin/events` */
export const streamEvents = answerRequest(async (_request, { exchange, open, services }) => {
  const { live, keepAliveMs } = services
  const answer = live.follow(open.call.signal, () => services.isStillAdmin(exchange))
  return respondStream(exchange, open, { answer, surface: events, keepAliveMs })
})
