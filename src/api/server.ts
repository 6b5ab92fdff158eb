import { Elysia } from 'elysia'
import { sleep, within } from '../chat/abort.ts'
import type { ClientKey } from '../chat/caller.ts'
import type { Logger } from '../flow/call.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { Keys } from './door/authenticate.ts'
import { readTrustedProxies } from './door/client-address.ts'
import type { CrossSitePolicy } from './door/cross-site.ts'
import { Door, shuttingDown } from './door/door.ts'
import { drained } from './drained.ts'
import { Calls } from './exchange/calls.ts'
import { type Exchange, errorResponse, jsonResponse } from './exchange/exchange.ts'
import type { Route } from './route.ts'
import { adminRoutes } from './surfaces/admin/upstreams.ts'
import type { ChatServer } from './surfaces/chat-server/chat-server.ts'
import { chatServerRoutes } from './surfaces/chat-server/routes.ts'
import { Running } from './surfaces/chat-server/running.ts'
import { chatCompletions } from './surfaces/openai/chat-completions.ts'
import { listModels, retrieveModel } from './surfaces/openai/models.ts'

export interface ServerOptions extends Pick<ChatServer, 'conversations' | 'tools' | 'egress' | 'chatModel'> {
  readonly hostname: string
  readonly port: number
  readonly keys: readonly ClientKey[]
  /** Whose word on a client's address is taken: addresses, ranges, `loopback`. */
  readonly trustedProxies: readonly string[]
  readonly policy: CrossSitePolicy
  readonly maxBodyBytes: number
  readonly keepAliveMs: number
  /** Seconds a connection may be idle between requests or while its head comes, up to 255. Bodies and streams have their own limits. */
  readonly idleSeconds: number
  readonly gateway: Gateway
  /** Whether what is kept is safe, for `/ready`. */
  readonly isStateWell: () => boolean
  readonly log: Logger
  readonly version: string
}

export interface Server {
  /** `http://host:port` */
  readonly url: string
  /**
   * Says at `/ready` that it stops, and takes new work for `delayMs` milliseconds more, until those who send it have heard of it.
   * Then it refuses new work and lets running answers end for `graceMs` milliseconds, after which it ends them with an error.
   * Until all of them have ended it takes connections, so that `/health` and `/ready` can be asked.
   */
  stop(graceMs: number, delayMs?: number): Promise<void>
}

/** Milliseconds an answer that outstayed the grace has for its last event. */
const lastWordsMs = 2_000
/** Milliseconds that a connection has to end by itself once nothing is being answered. */
const closeMs = 500

const never = new AbortController().signal

/** Starts listening. */
export function openServer(options: ServerOptions): Server {
  const { keys, policy, log } = options
  const { proxies } = readTrustedProxies(options.trustedProxies)
  const door = new Door({ keys: new Keys(keys), proxies, policy, log })
  const calls = new Calls(options.idleSeconds)
  const app = router(door, [
    ...ownRoutes(door, calls, options),
    ...chatServerRoutes({ ...options, calls, running: new Running() }),
    ...adminRoutes({ examiner: options.gateway.examiner, calls, hasKeys: keys.length > 0 }),
  ]).listen({
    hostname: options.hostname,
    port: options.port,
    idleTimeout: options.idleSeconds,
    // Elysia's default is true: two programs would share a port without a word
    reusePort: false,
    // our own limit answers in the client's dialect, Bun's with an empty body
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  })
  return {
    url: urlOf(options.hostname, app.server?.port ?? options.port),
    async stop(graceMs, delayMs = 0) {
      door.phase = 'leaving'
      if (delayMs > 0) await sleep(delayMs, never)
      door.phase = 'draining'
      const pending = () => app.server?.pendingRequests ?? 0
      if (!(await drained(pending, graceMs))) {
        calls.abortAll()
        await drained(pending, lastWordsMs)
      }
      const closed = (app.server?.stop(false) ?? Promise.resolve()).then(() => true)
      if (!(await within(closed, closeMs))) await app.server?.stop(true)
    },
  }
}

function router(door: Door, routes: readonly Route[]) {
  // by default Elysia takes no host for shorter than four characters, and the path's first part for one of the host's
  const app = new Elysia({ strictPath: true, handler: { standardHostname: false } })
    .onRequest(({ request, server }) => door.admit(request, server))
    .onError(({ request, error, code, set }) => {
      if (code !== 'NOT_FOUND') return errorResponse(door.exchangeOf(request), error)
      // or else Elysia makes a 404 of an answer that succeeds
      set.status = 200
      return door.answerUnrouted(request, routes)
    })
  for (const { method, path, answer } of routes) app.route(method, path, door.handler(answer), { parse: 'none' })
  return app
}

function ownRoutes(door: Door, calls: Calls, options: ServerOptions): readonly Route[] {
  const { gateway, version } = options
  const greeting = { message: 'tributary: every upstream, one stream. The OpenAI API is at /v1.', version }
  return [
    { method: 'GET', path: '/', answer: (exchange) => jsonResponse(exchange, greeting) },
    { method: 'GET', path: '/health', answer: (exchange) => jsonResponse(exchange, { status: 'ok', version }) },
    { method: 'GET', path: '/ready', answer: (exchange) => ready(exchange, door, options) },
    { method: 'GET', path: '/v1/models', answer: (exchange) => listModels(exchange, gateway) },
    { method: 'GET', path: '/v1/models/*', answer: (exchange) => retrieveModel(exchange, gateway) },
    {
      method: 'POST',
      path: '/v1/chat/completions',
      answer: (exchange) => chatCompletions(exchange, { ...options, calls }),
    },
  ]
}

/** Names no file and no upstream: anybody may ask. The log says more. */
function ready(exchange: Exchange, door: Door, { isStateWell, tools }: ServerOptions): Response {
  if (door.phase !== 'open') throw shuttingDown()
  const isWell = isStateWell()
  return jsonResponse(exchange, {
    status: isWell ? 'ready' : 'degraded',
    state: isWell ? 'ok' : 'failing',
    // one that fails is no reason to send requests elsewhere
    tools: Object.fromEntries(tools.servers().map(({ name, status }) => [name, status])),
  })
}

function urlOf(hostname: string, port: number): string {
  const shown = hostname === '0.0.0.0' || hostname === '::' ? '127.0.0.1' : hostname
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`
}
