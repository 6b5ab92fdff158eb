import type { ClientKey } from '../chat/caller.ts'
import type { Logger } from '../flow/call.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { HttpListener, ServedRoute, ServeOptions, SocketRange } from '../flow/network.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Tracer } from '../flow/span.ts'
import { sleep, within } from '../flow/wait.ts'
import { describeSurfaces } from './describe-surfaces.ts'
import { Keys } from './door/authenticate.ts'
import { readTrustedProxies } from './door/client-address.ts'
import type { CrossSitePolicy } from './door/cross-site.ts'
import { Door } from './door/door.ts'
import { type FoundRoute, RouteTable } from './door/route-table.ts'
import { drained } from './drained.ts'
import { Calls } from './exchange/calls.ts'
import { LiveFeed } from './exchange/live-feed.ts'
import type { Services } from './exchange/services.ts'
import { liveSource } from './surfaces/admin/live-source.ts'
import { surfaces } from './surfaces/index.ts'

/** What can change while the server runs. */
export interface ChangingOptions extends Pick<Services, (typeof changingServices)[number]> {
  readonly keys: readonly ClientKey[]
  /** Proxies whose `X-Forwarded-For` is trusted: addresses, ranges, `loopback`. */
  readonly trustedProxies: readonly string[]
  readonly policy: CrossSitePolicy
}

const changingServices = ['gateway', 'egress', 'chatModel', 'maxBodyBytes', 'keepAliveMs'] as const

export interface ServerOptions
  extends Omit<Services, 'calls' | 'live' | 'phase' | 'needsKey' | 'isStillAdmin' | 'openapi'>,
    ChangingOptions {
  readonly hostname: string
  readonly port: number
  /** Whether other processes listen on the port too. */
  readonly sharesPort?: boolean
  /**
   * Seconds, up to 255, that a connection may be idle between requests or within a request's head. Bodies and streams
   * have other limits.
   */
  readonly idleSeconds: number
  /** Makes the spans of requests; without it there is no trace. */
  readonly tracer?: Tracer | undefined
  readonly log: Logger
  readonly runtime: Runtime
}

export interface Server {
  /** `http://host:port` */
  readonly url: string
  /** What is answered at the moment. */
  openAnswers(): { readonly requests: number; readonly streams: number }
  /** Answers later requests with these. Running ones go on as they began. */
  reconfigure(changes: ChangingOptions): void
  /**
   * Stops the server in three steps. For `delayMs` milliseconds `/ready` reports the shutdown, but requests are still
   * accepted, so that a load balancer can react. Then new work is refused, and running answers have `graceMs`
   * milliseconds to end. The rest are ended with an error. Connections are accepted until the last answer ends, so that
   * `/health` and `/ready` can be reached.
   */
  stop(graceMs: number, delayMs?: number): Promise<void>
  /** Sends new connections to some of the sockets of the port: `HttpListener`. */
  steer(to: SocketRange): boolean
  /**
   * Leaves new connections to another process. Running answers have `graceMs` milliseconds to end, and connections that are
   * open are answered once more. Resolves when none is left, or at the end of that time.
   */
  yield(graceMs: number): Promise<void>
  /** Serves again after `yield`, because the other process has ended. @returns false if the port was left meanwhile */
  takeBack(): boolean
  /** Stops listening. Connections that are open go on. It waits for those that were on their way before `yield`. */
  leavePort(): Promise<void>
}

/** Milliseconds for the last event of answers that were ended after the grace period. */
const lastEventMs = 2_000
/** Milliseconds for connections to end by themselves when no request is pending. */
const closeMs = 500

/** Milliseconds within which a connection that has begun to open is open. */
const lateMs = 1_000
/** Milliseconds between two counts of the open connections, which cost more than a count of the requests. */
const yieldLookMs = 250

/** Starts listening. */
export function openServer(options: ServerOptions): Server {
  const { log, runtime } = options
  const checks = ({ keys, trustedProxies, policy }: ChangingOptions) => {
    const { proxies } = readTrustedProxies(trustedProxies)
    return { keys: new Keys(keys, runtime, options.clientKeys), proxies, policy }
  }
  const table = new RouteTable(surfaces)
  const door = new Door({
    ...{ table, ...checks(options), log, runtime },
    limitsLeft: (caller) => services.gateway.limitsLeft(caller),
    run: (handler, exchange) => handler(exchange, services),
  })
  const calls = new Calls(options.idleSeconds, options.tracer)
  const services: Services = {
    ...options,
    // made for each request, because few programs ask for it and the start must be fast
    openapi: () => describeSurfaces(surfaces, options.version),
    calls,
    live: new LiveFeed(
      liveSource(() => services, runtime),
      runtime.timers,
    ),
    phase: () => door.phase,
    needsKey: () => door.needsKey,
    isStillAdmin: (exchange) => door.isStillAdmin(exchange),
  }
  const answer: AnswerRequest = (request, found) => door.answer(request, listener, found)
  const { hostname, port, sharesPort = false, idleSeconds } = options
  const listener = runtime.network.serve({
    ...{ hostname, port, sharesPort, idleSeconds },
    routes: table.fixed.map((found) => routeTo(found, answer)),
    answer: lateRouter(table, answer),
  })
  return {
    url: urlOf(hostname, listener.port),
    openAnswers: () => ({ requests: listener.pendingRequests, streams: calls.streams }),
    reconfigure(changes) {
      door.reconfigure(checks(changes))
      for (const name of changingServices) Object.assign(services, { [name]: changes[name] })
    },
    steer: (to) => listener.steer(to),
    ...endingOf(door, { ...services, listener, runtime }),
  }
}

/** The two ways in which a server ends. */
function endingOf(door: Door, draining: Draining): Pick<Server, 'stop' | 'yield' | 'takeBack' | 'leavePort'> {
  const { listener, live, runtime } = draining
  const never = new CancelSource(runtime)
  let late = Promise.resolve()
  let hasLeft = false
  return {
    async stop(graceMs, delayMs = 0) {
      door.phase = 'leaving'
      if (delayMs > 0) await sleep(delayMs, never)
      door.phase = 'draining'
      await drain(draining, graceMs)
      const closed = listener.stop().then(() => true)
      if (!(await within(closed, closeMs, never))) await listener.kill()
    },
    async yield(graceMs) {
      door.phase = 'yielding'
      live.end()
      // connections whose first packet came before the change still reach this process
      late = sleep(Math.min(lateMs, graceMs), never)
      await late
      await finish(draining, graceMs)
    },
    takeBack() {
      if (hasLeft) return false
      door.phase = 'open'
      live.reopen()
      return listener.steer({ first: 0, count: 1 })
    },
    async leavePort() {
      hasLeft = true
      await late
      listener.leavePort()
    },
  }
}

interface Draining extends Pick<Services, 'live' | 'calls'> {
  readonly listener: HttpListener
  readonly runtime: Runtime
}

/** Lets running answers end, and ends those that take longer. A stream of events has no end of its own. */
async function drain({ live, calls, listener, runtime }: Draining, graceMs: number): Promise<void> {
  live.end()
  const pending = () => listener.pendingRequests + calls.detached
  if (await drained(pending, graceMs, { runtime })) return
  calls.abortAll()
  await drained(pending, lastEventMs, { runtime })
}

/** Waits until the last connection is closed, after another process has got all new ones. */
async function finish({ calls, listener, runtime }: Draining, graceMs: number): Promise<void> {
  const open = () => calls.detached + listener.pendingRequests + (listener.openConnections() ?? 0)
  await drained(open, graceMs, { runtime, lookMs: yieldLookMs })
}

/** @param found the route, if the listener has found it */
type AnswerRequest = (request: Request, found?: FoundRoute) => Response | Promise<Response>

/** A route for the listener's own router, which costs less than Elysia's (docs/decisions/0041-hot-routes.md). */
function routeTo(found: FoundRoute, answer: AnswerRequest): ServedRoute {
  const { method, path } = found.route
  return { method, path, answer: (request) => answer(request, found) }
}

/** Loads Elysia with the first request that needs it, because most gateways only get requests to fixed routes. */
function lateRouter({ routes }: RouteTable, answer: AnswerRequest): ServeOptions['answer'] {
  let router: ServeOptions['answer'] | undefined
  const load = async (request: Request) => {
    const { elysiaRouter } = await import('./elysia-router.ts')
    router ??= elysiaRouter(routes, answer)
    return router(request)
  }
  return (request) => (router ? router(request) : load(request))
}

function urlOf(hostname: string, port: number): string {
  const shown = hostname === '0.0.0.0' || hostname === '::' ? '127.0.0.1' : hostname
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`
}
