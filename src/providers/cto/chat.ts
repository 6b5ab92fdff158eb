import type { NoteDrift } from '../../chat/drift.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Batch } from '../../flow/flow.ts'
import { openWebSocket } from '../../wire/websocket.ts'
import type { WebSocketConnection } from '../../wire/websocket-request.ts'
import type { AccountCall } from '../provider.ts'
import type { CtoCredential } from './account.ts'
import { CtoDecoder } from './events.ts'
import { type CtoThread, type Protocol, writeThread } from './protocol.ts'
import { newestPrompt, wholePrompt } from './request.ts'
import { askApi, type CtoSite } from './site.ts'

type CtoCall = AccountCall<CtoCredential>

/** An answer that was requested in this thread, and that arrives on this connection. */
interface OpenAnswer {
  readonly thread: CtoThread
  readonly connection: WebSocketConnection
}

/** Sends the conversation, or its new messages, and reads the answer. */
export async function* chat(site: CtoSite, protocol: Protocol, request: ChatRequest, call: CtoCall) {
  const leave = await protocol.prepare(call.account, request.model, call.signal)
  try {
    const { thread, connection } = await askInThread({ site, protocol, request, call })
    for await (const batch of batchesOf(connection, call.noteDrift)) {
      // the agent works on the answer, so the next request may set another model
      leave()
      if (batch.some(({ type }) => type === 'finish')) call.thread.keep(writeThread(thread, call.account))
      yield batch
    }
  } finally {
    leave()
  }
}

interface CtoRequest {
  readonly site: CtoSite
  readonly protocol: Protocol
  readonly request: ChatRequest
  readonly call: CtoCall
}

/** Asks in the conversation's thread, or in a new thread if there is none or the thread was deleted. */
async function askInThread(asking: CtoRequest): Promise<OpenAnswer> {
  const { protocol, request, call } = asking
  const known = call.thread.known === undefined ? undefined : protocol.readThread(call.thread.known, call.account)
  const news = newestPrompt(request)
  if (known && news !== undefined) {
    try {
      protocol.check(news)
      return await ask(asking, known, news)
    } catch (thrown) {
      if (isGone(thrown) || isForbidden(thrown)) call.thread.spend()
      if (!isGone(thrown)) throw thrown
    }
  }
  const prompt = wholePrompt(request)
  // the prompt is checked before a thread is made for it
  protocol.check(prompt)
  return ask(asking, await protocol.newThread(call.account, call.signal), prompt)
}

/** Sends the prompt after the socket is open, because messages that are sent earlier would be lost. Upstreams 2.2 */
async function ask(
  { site, protocol, request, call }: CtoRequest,
  thread: CtoThread,
  prompt: string,
): Promise<OpenAnswer> {
  const { account, signal } = call
  const body = protocol.encode(request.model, thread, prompt)
  await protocol.announce(account, thread, signal)
  const connection = await openWebSocket(
    {
      url: site.socketUrl + protocol.socketPath(account, thread),
      headers: {
        origin: site.origin,
        'user-agent': site.userAgent,
        ...(protocol.sendsCookie && { cookie: `__client=${account.credential.cookie.reveal()}` }),
      },
    },
    signal,
  )
  try {
    const page = thread.chatHistoryId
    await askApi(site, account, { method: 'POST', path: '/engine-agent/chat', body, page }, signal)
    call.thread.spend()
    return { thread, connection }
  } catch (thrown) {
    connection.close()
    if (!isRefusal(thrown)) call.thread.spend()
    throw thrown
  }
}

/**
 * Statuses that the service may send for a deleted thread, because it has no single status for that. It may still
 * accept the request in another thread.
 */
const goneStatuses: ReadonlySet<number> = new Set([400, 404, 410, 422])

function isGone(thrown: unknown): boolean {
  return thrown instanceof ChatError && goneStatuses.has(thrown.upstreamStatus ?? 0)
}

/**
 * Whether the thread, and not only the token, may be forbidden for this user. If the gateway kept such a thread, each
 * later request in it would be refused.
 */
function isForbidden(thrown: unknown): boolean {
  return thrown instanceof ChatError && thrown.upstreamStatus === 403 && thrown.reason === 'account-refused'
}

/** Whether the prompt was certainly not accepted. */
function isRefusal(thrown: unknown): boolean {
  const status = thrown instanceof ChatError ? thrown.upstreamStatus : undefined
  return status !== undefined && status >= 300 && status < 500
}

/** Yields the events of the socket. When its reader stops, the socket is closed. */
async function* batchesOf({ messages }: WebSocketConnection, note: NoteDrift | undefined): AsyncGenerator<Batch> {
  const decoder = new CtoDecoder(note)
  for await (const message of messages) {
    const batch = decoder.frame(message)
    if (batch.length > 0) yield batch
    if (decoder.finished) return
  }
}
