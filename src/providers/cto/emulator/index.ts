import { randomUUID } from 'node:crypto'
import { signJwt } from '../../../sign-in/emulator/jwt.ts'
import { type EmulatedExchange, emulateHttp, type HttpEmulator } from '../../../wire/emulator/http.ts'
import { isUpgrade } from '../../../wire/emulator/websocket.ts'
import { answerClerk } from './clerk.ts'
import { answerEngine } from './engine.ts'
import { acceptSubscriber, refusalOf } from './socket.ts'
import type {
  CtoEmulatorOptions,
  CtoState,
  EmulatedReply,
  EmulatedThread,
  EmulatedUser,
  ReceivedPrompt,
} from './state.ts'

export interface CtoEmulator extends Omit<HttpEmulator, 'openConnections'> {
  readonly users: readonly EmulatedUser[]
  /** All prompts, in order. */
  readonly chats: readonly ReceivedPrompt[]
  readonly threads: ReadonlyMap<string, EmulatedThread>
  /** The variables for a gateway that uses this emulator. */
  readonly variables: Readonly<Record<string, string>>
  /** The number of open sockets and unanswered requests. */
  openConnections(): number
  /** Deletes a thread. */
  forget(chatHistoryId: string): void
}

/** A user with a cookie like Clerk's. @param name distinguishes the users */
export function emulatedUser(name: string): EmulatedUser {
  return {
    cookie: signJwt({ id: `client_${name}`, rotating_token: randomUUID() }, 'clerk'),
    userId: `user_${name}`,
    organizationId: `org_${name}`,
    sessions: [`sess_${name}`],
  }
}

/** Clerk's Frontend API, and cto.new's API and sockets, all on one real server and as strict as the services. */
export async function emulateCto(options: CtoEmulatorOptions = {}): Promise<CtoEmulator> {
  const users = options.users ?? [emulatedUser('TEST0001')]
  const { protocol = 'v1', now = Date.now, tokenLife = 60 } = options
  const state: CtoState = {
    options,
    protocol,
    now,
    tokenLife,
    users,
    signingKey: randomUUID(),
    chats: [],
    threads: new Map(),
    models: new Map(),
    subscribers: new Map(),
  }
  const open = new Set<EmulatedExchange>()
  const server = await emulateHttp((exchange) => answer(state, track(exchange, open)))
  return {
    ...server,
    users,
    chats: state.chats,
    threads: state.threads,
    openConnections: () => open.size,
    forget: (chatHistoryId) => void state.threads.delete(chatHistoryId),
    variables: {
      ...Object.fromEntries(users.map(({ cookie }, at) => [`CLERK_COOKIE_${at + 1}`, `__client=${cookie}`])),
      CTO_CLERK_URL: server.origin,
      CTO_API_URL: server.origin,
      CTO_WS_URL: server.origin.replace('http:', 'ws:'),
      CTO_PROTOCOL: protocol,
    },
  }
}

/** Counts an exchange as open until its reply is complete; an idle connection does not count. */
function track(exchange: EmulatedExchange, open: Set<EmulatedExchange>): EmulatedExchange {
  const watched: EmulatedExchange = {
    ...exchange,
    reply(status, body, headers) {
      open.delete(watched)
      exchange.reply(status, body, headers)
    },
  }
  open.add(watched)
  void exchange.closed.then(() => open.delete(watched))
  return watched
}

function answer(state: CtoState, exchange: EmulatedExchange): void {
  const { request } = exchange
  const url = new URL(request.path, 'http://emulated')
  if (!isUpgrade(request)) {
    reply(
      exchange,
      url.pathname.startsWith('/v1/client') ? answerClerk(state, request, url) : answerEngine(state, request, url),
    )
    return
  }
  const refused = refusalOf(state, request, url)
  if (refused) reply(exchange, refused)
  else acceptSubscriber(state, exchange, url)
}

function reply(exchange: EmulatedExchange, said: EmulatedReply): void {
  if (said === 'fin') exchange.finish()
  if (said === 'rst') exchange.reset()
  if (typeof said === 'string') return
  const { status, body, headers } = said
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  exchange.reply(status, text, { 'content-type': 'application/json', ...headers })
}
