import { Elysia } from 'elysia'
import type { ClientKey } from '../chat/caller.ts'
import type { Logger } from '../flow/call.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { HttpListener } from '../flow/network.ts'
import type { Runtime } from '../flow/runtime.ts'
import { sleep, within } from '../flow/wait.ts'
import { Keys } from './door/authenticate.ts'
import { readTrustedProxies } from './door/client-address.ts'
import type { CrossSitePolicy } from './door/cross-site.ts'
import { Door, type RunHandler } from './door/door.ts'
import { RouteTable } from './door/route-table.ts'
import { drained } from './drained.ts'
import { Calls } from './exchange/calls.ts'
import { errorResponse } from './exchange/exchange.ts'
import type { Services } from './exchange/services.ts'
import { surfaces } from './surfaces/index.ts'

export interface ServerOptions extends Omit<Services, 'calls' | 'phase'> {
  readonly hostname: string
  readonly port: number
  readonly keys: readonly ClientKey[]
  /** Whose word on a client's address is taken: addresses, ranges, `loopback`. */
  readonly trustedProxies: readonly string[]
  readonly policy: CrossSitePolicy
  /** Seconds a connection may be idle between requests or while its head comes, up to 255. Bodies and streams have their own limits. */
  readonly idleSeconds: number
  readonly log: Logger
  readonly runtime: Runtime
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

/** Starts listening. */
export function openServer(options: ServerOptions): Server {
  const { keys, policy, log, runtime } = options
  const never = new CancelSource(runtime)
  const { proxies } = readTrustedProxies(options.trustedProxies)
  const table = new RouteTable(surfaces)
  const door = new Door({ table, keys: new Keys(keys, () => runtime.now()), proxies, policy, log, runtime })
  const calls = new Calls(options.idleSeconds)
  const services: Services = { ...options, calls, phase: () => door.phase }
  const run: RunHandler = (handler, exchange) => handler(exchange, services)
  const app = router(door, table, { run, listener: () => listener })
  const { hostname, port, idleSeconds } = options
  const listener = runtime.network.serve({ hostname, port, idleSeconds, answer: (request) => app.fetch(request) })
  return {
    url: urlOf(hostname, listener.port),
    async stop(graceMs, delayMs = 0) {
      door.phase = 'leaving'
      if (delayMs > 0) await sleep(delayMs, never)
      door.phase = 'draining'
      const pending = () => listener.pendingRequests
      if (!(await drained(pending, graceMs, runtime))) {
        calls.abortAll()
        await drained(pending, lastWordsMs, runtime)
      }
      const closed = listener.stop().then(() => true)
      if (!(await within(closed, closeMs, never))) await listener.kill()
    },
  }
}

interface RouterOptions {
  readonly run: RunHandler
  listener(): HttpListener
}

function router(door: Door, table: RouteTable, { run, listener }: RouterOptions) {
  // by default Elysia takes no host for shorter than four characters, and the path's first part for one of the host's
  const app = new Elysia({ strictPath: true, handler: { standardHostname: false } })
    .onRequest(({ request }) => door.admit(request, listener()))
    .onError(({ request, error, code, set }) => {
      if (code !== 'NOT_FOUND') return errorResponse(door.exchangeOf(request), error)
      // or else Elysia makes a 404 of an answer that succeeds
      set.status = 200
      return door.answer(request, run)
    })
  for (const { method, path } of table.routes)
    app.route(method, patternOf(path), ({ request }) => door.answer(request, run), { parse: 'none' })
  return app.compile()
}

/** A path as Elysia has it: the door knows what follows. */
function patternOf(path: string): string {
  return path.replace(/\{.*$/, '*')
}

function urlOf(hostname: string, port: number): string {
  const shown = hostname === '0.0.0.0' || hostname === '::' ? '127.0.0.1' : hostname
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`
}
