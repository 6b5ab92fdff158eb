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

/** Where every request comes in, before a byte of its body is read. What it asks of a request, the request's route says. */
export class Door {
  readonly #options: DoorOptions
  readonly #exchanges = new WeakMap<Request, RoutedExchange>()
  phase: Phase = 'open'

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** The answer to a request that may not come in, or to a preflight; undefined for one that may. */
  admit(request: Request, listener: RequestListener | null): Response | Promise<Response> | undefined {
    const routed = openExchange(request, { ...this.#options, listener, phase: this.phase })
    this.#exchanges.set(request, routed)
    const { exchange, found, rightPath } = routed
    const { policy, table } = this.#options
    if (isPreflight(request)) return preflight(request.headers, exchange.headers, table.methods)
    try {
      refuseCrossSite(request.headers, policy)
      // a path that is nowhere needs a key too, and so does one with a slash too many
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
   * The answer to a request that was let in, with everything that is thrown turned into one. Its route is the one that the
   * door has judged, even if a router finds another. A base URL that ends in a slash makes paths such as
   * `/v1//chat/completions`: they are answered as if they were right, where a key is needed anyway.
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

/** Where no key is asked for, a caller is an admin on this machine only. */
function ownCaller(exchange: Exchange, route: SurfaceRoute | undefined): Caller {
  return route?.access === 'admin' && isOwnMachine(exchange) ? { ...anybody, role: 'admin' } : anybody
}

async function refuse(exchange: Exchange, thrown: unknown): Promise<Response> {
  await drainBody(exchange.request, exchange.runtime)
  return errorResponse(exchange, thrown)
}
