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
import { askApi, type Site } from './site.ts'

type CtoCall = AccountCall<CtoCredential>

/** An answer that has been asked for. */
interface RequestedAnswer {
  readonly thread: CtoThread
  readonly connection: WebSocketConnection
}

/** Tells the conversation, or what is new in it, and reads the answer. */
export async function* chat(site: Site, protocol: Protocol, request: ChatRequest, call: CtoCall) {
  const leave = await protocol.prepare(call.account, request.model, call.signal)
  try {
    const { thread, connection } = await askKnown({ site, protocol, request, call })
    for await (const batch of batchesOf(connection)) {
      // it works on the answer: the next one may set another model
      leave()
      if (batch.some(({ type }) => type === 'finish')) call.thread.keep(writeThread(thread, call.account))
      yield batch
    }
  } finally {
    leave()
  }
}

interface Asking {
  readonly site: Site
  readonly protocol: Protocol
  readonly request: ChatRequest
  readonly call: CtoCall
}

/** In the thread that has the conversation; in a new one where there is none, or it is gone. */
async function askKnown(asking: Asking): Promise<RequestedAnswer> {
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
  // before a thread is made for it
  protocol.check(prompt)
  return ask(asking, await protocol.newThread(call.account, call.signal), prompt)
}

/** The socket first, or what is said at once is lost. Upstreams 2.2 */
async function ask(
  { site, protocol, request, call }: Asking,
  thread: CtoThread,
  prompt: string,
): Promise<RequestedAnswer> {
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

/** That a thread is gone no service says in one way; whatever it refuses of a thread, it may take in another. */
const goneStatuses: ReadonlySet<number> = new Set([400, 404, 410, 422])

function isGone(thrown: unknown): boolean {
  return thrown instanceof ChatError && goneStatuses.has(thrown.upstreamStatus ?? 0)
}

/** Whether it may be the thread that this user has no right to, as well as the token: kept, it would be refused for ever. */
function isForbidden(thrown: unknown): boolean {
  return thrown instanceof ChatError && thrown.upstreamStatus === 403 && thrown.reason === 'account-refused'
}

/** Whether a prompt was surely not taken. */
function isRefusal(thrown: unknown): boolean {
  const status = thrown instanceof ChatError ? thrown.upstreamStatus : undefined
  return status !== undefined && status >= 300 && status < 500
}

/** Leaving it, for whatever reason, closes the socket. */
async function* batchesOf({ messages }: WebSocketConnection): AsyncGenerator<Batch> {
  const decoder = new CtoDecoder()
  for await (const message of messages) {
    const batch = decoder.frame(message)
    if (batch.length > 0) yield batch
    if (decoder.finished) return
  }
}
