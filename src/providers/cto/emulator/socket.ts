import { parseCookieHeader } from '../../../wire/cookies.ts'
import type { EmulatedExchange, EmulatedRequest } from '../../../wire/emulator/http.ts'
import { acceptWebSocket, type EmulatedWebSocket } from '../../../wire/emulator/websocket.ts'
import { ctoMessage, ctoState } from './script.ts'
import { type CtoState, type EmulatedReply, type EmulatedUser, emulatedOrigin } from './state.ts'

export function subscribersOf({ subscribers }: CtoState, chatHistoryId: string): Set<EmulatedWebSocket> {
  const sockets = subscribers.get(chatHistoryId) ?? new Set()
  subscribers.set(chatHistoryId, sockets)
  return sockets
}

/** The refusal of a socket; undefined if it is allowed. A known user may listen to their own threads, from the site's own pages. */
export function refusalOf(state: CtoState, request: EmulatedRequest, url: URL): EmulatedReply | undefined {
  const status = state.options.refuseSocket?.()
  if (status !== undefined) return { status, body: { message: 'No.' } }
  const chatHistoryId = threadIn(url)
  if (chatHistoryId === undefined) return { status: 404, body: { message: 'Not found' } }
  if (request.headers.get('origin') !== emulatedOrigin) return { status: 403, body: { message: 'Wrong origin' } }
  const user = state.users.find((known) => mayListen(state, known, request, url))
  if (!user) return { status: 403, body: { message: 'Wrong token' } }
  const thread = state.threads.get(chatHistoryId)
  const isTheirs = thread ? thread.userId === user.userId : state.protocol === 'v1'
  return isTheirs ? undefined : { status: 404, body: { message: 'Not found' } }
}

function threadIn(url: URL): string | undefined {
  return /^\/engine-agent\/chat-histories\/([\w-]+)\/buffer\/stream$/.exec(url.pathname)?.[1]
}

/** Whether the socket's token fits. It is the user's id; the second protocol adds the organisation, the workspace and the cookie. */
function mayListen({ protocol, threads }: CtoState, user: EmulatedUser, request: EmulatedRequest, url: URL): boolean {
  const token = url.searchParams.get('token')
  if (protocol === 'v1') return token === user.userId
  const cookie = parseCookieHeader(request.headers.get('cookie') ?? '').get('__client')
  const workspaceId = threads.get(threadIn(url) ?? '')?.workspaceId ?? ''
  const isTheirs = token === `${user.userId}:${user.organizationId}` && cookie === user.cookie
  return isTheirs && url.searchParams.get('workspaceId') === workspaceId
}

/** Accepts a subscriber and sends it the current state: idle. Earlier messages are lost. */
export function acceptSubscriber(state: CtoState, exchange: EmulatedExchange, url: URL): void {
  const chatHistoryId = threadIn(url) ?? ''
  const socket = acceptWebSocket(exchange, (text) => {
    if (text === 'ping') void socket.send('pong')
  })
  const sockets = subscribersOf(state, chatHistoryId)
  sockets.add(socket)
  void exchange.closed.then(() => sockets.delete(socket))
  for (const message of [{ type: 'history', messages: [] }, ctoState(false)]) void socket.raw(ctoMessage(message))
  if (!state.options.replays) return
  for (const bytes of state.threads.get(chatHistoryId)?.sent ?? []) void socket.raw(bytes)
}
