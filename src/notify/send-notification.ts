import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import { version } from '../version.ts'
import { send } from '../wire/http.ts'
import { parseRetryAfter } from '../wire/http-status.ts'
import type { Notification } from './news.ts'
import type { NotifyTarget } from './target.ts'

const limits = { connectMs: 5_000, headMs: 10_000 } as const

/** Sends a notification once. @throws ChatError whose message has no part of the address but its host */
export async function sendNotification(
  target: NotifyTarget,
  notification: Notification,
  signal: Cancel,
): Promise<void> {
  const { url, headers, body } = target.write(notification)
  const reply = await send(
    {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', 'user-agent': `tributary/${version}`, ...headers },
      body: JSON.stringify(body),
      // one in an hour does not need a connection that is kept
      needsNewConnection: true,
      limits,
    },
    signal,
  )
  reply.discard()
  if (reply.status >= 200 && reply.status < 300) return
  const retryAfterMs = parseRetryAfter(reply.headers, reply.receivedAt)
  const message = `It answered with HTTP ${reply.status}.${adviceOn(reply.status)}`
  throw new ChatError('upstream-failed', { message, ...(retryAfterMs !== undefined && { retryAfterMs }) })
}

function adviceOn(status: number): string {
  if (status >= 300 && status < 400) return ' It is another address: set that one.'
  if (status === 401 || status === 403) return ' Check the key in its address.'
  if (status === 404 || status === 410) return ' Check its address.'
  return status === 400 ? ' It does not take this form of message.' : ''
}
