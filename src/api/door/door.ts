import { anybody, type Caller } from '../../chat/caller.ts'
import type { Logger } from '../../flow/call.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { drainBody } from '../exchange/drain-body.ts'
import { type Exchange, errorResponse } from '../exchange/exchange.ts'
import type { Phase } from '../exchange/services.ts'
import { shuttingDown } from '../exchange/shutting-down.ts'
import type { Handler, SurfaceRoute } from '../surfaces/surface.ts'
import { isOwnMachine, refuseClients } from './admin.ts'
import type { Keys } from './authenticate.ts'
import type { TrustedProxies } from './client-address.ts'
import { type CrossSitePolicy, isPreflight, preflight, refuseCrossSite } from './cross-site.ts'
import { notFound, spareSlash } from './not-found.ts'
import { openExchange, type RequestListener, type RoutedExchange } from './open-exchange.ts'
import type { RouteTable } from './route-table.ts'

export interface DoorOptions {
  readonly table: RouteTable
  readonly keys: Keys
  readonly proxies: TrustedProxies
  readonly policy: CrossSitePolicy
  readonly log: Logger
  readonly runtime: Runtime
}

/** Runs a route's handler. */
export type RunHandler = (handler: Handler, exchange: Exchange) => Response | Promise<Response>

/** Checks every request before a byte of its body is read. Its route says what is required. */
export class Door {
  readonly #options: DoorOptions
  readonly #exchanges = new WeakMap<Request, RoutedExchange>()
  phase: Phase = 'open'

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** The response to a refused request or to a preflight; undefined for a request that is let in. */
  admit(request: Request, listener: RequestListener | null): Response | Promise<Response> | undefined {
    const routed = openExchange(request, { ...this.#options, listener, phase: this.phase })
    this.#exchanges.set(request, routed)
    const { exchange, found, rightPath } = routed
    const { policy, table } = this.#options
    if (isPreflight(request)) return preflight(request.headers, exchange.headers, table.methods)
    try {
      refuseCrossSite(request.headers, policy)
      // an unknown path needs a key too, and so does a path with spare slashes
      if (found?.route.access !== 'open' || rightPath !== undefined) this.#identify(exchange, found?.route)
      if (this.phase === 'draining' && !found?.route.isLast) throw shuttingDown()
      return undefined
    } catch (thrown) {
      return refuse(exchange, thrown)
    }
  }

  #identify(exchange: Exchange, route: SurfaceRoute | undefined): void {
    const { keys } = this.#options
    exchange.caller = keys.isOpen ? ownCaller(exchange, route) : keys.check(exchange.request.headers, exchange.address)
    exchange.log = exchange.log.child({ client: exchange.caller.name })
    if (route?.access === 'admin') refuseClients(exchange.caller, !keys.isOpen)
  }

  #routedOf(request: Request): RoutedExchange {
    const admitted = this.#exchanges.get(request)
    return admitted ?? openExchange(request, { ...this.#options, listener: null, phase: this.phase })
  }

  exchangeOf(request: Request): Exchange {
    return this.#routedOf(request).exchange
  }

  /**
   * Answers a request that was let in, also when something is thrown. It uses the route that the door has checked, even
   * if the router would find another. A base URL with a slash at its end makes paths such as `/v1//chat/completions`;
   * they are accepted on routes that need a key.
   */
  async answer(request: Request, run: RunHandler): Promise<Response> {
    const { exchange, found, rightPath } = this.#routedOf(request)
    try {
      if (!found) throw notFound(request.method, this.#options.table.nearest(rightPath ?? exchange.path))
      if (rightPath !== undefined && found.route.access === 'open') throw spareSlash(request.method, rightPath)
      const response = await run(found.route.handler, exchange)
      if (!exchange.isLogged) exchange.log.debug({ status: response.status }, 'request')
      return response
    } catch (thrown) {
      return refuse(exchange, thrown)
    }
  }
}

/** The caller if no keys are set. Only a program on this machine is an admin, and only on routes for admins. */
function ownCaller(exchange: Exchange, route: SurfaceRoute | undefined): Caller {
  return route?.access === 'admin' && isOwnMachine(exchange) ? { ...anybody, role: 'admin' } : anybody
}

async function refuse(exchange: Exchange, thrown: unknown): Promise<Response> {
  await drainBody(exchange.request, exchange.runtime)
  return errorResponse(exchange, thrown)
}
