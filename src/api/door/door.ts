import { anybody, type Caller } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import { drainBody } from '../exchange/drain-body.ts'
import { type Exchange, errorResponse } from '../exchange/exchange.ts'
import type { Phase } from '../exchange/services.ts'
import { shuttingDown } from '../exchange/shutting-down.ts'
import type { Handler } from '../surfaces/surface.ts'
import { isOwnMachine, refuseClients } from './admin.ts'
import type { Keys } from './authenticate.ts'
import { isFromNoPage, isPreflight, preflight, refuseCrossSite } from './cross-site.ts'
import { notFound, spareSlash } from './not-found.ts'
import { type OpenExchangeOptions, type RequestListener, RoutedExchange } from './open-exchange.ts'
import type { FoundRoute } from './route-table.ts'

export interface DoorOptions extends OpenExchangeOptions {
  readonly keys: Keys
  /** Runs a route's handler. */
  run(handler: Handler, exchange: Exchange): Response | Promise<Response>
}

/** Checks every request before a byte of its body is read, and answers it. Its route says what is required. */
export class Door {
  #options: DoorOptions
  phase: Phase = 'open'
  /** The host of the last request that came from no foreign page. Most requests name the same one. */
  #lastHost: string | null | undefined

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** Whether callers need a key. */
  get needsKey(): boolean {
    return !this.#options.keys.isOpen
  }

  /** Whether the caller of an endless answer is an admin yet: its key may have been revoked since. */
  isStillAdmin(exchange: Exchange): boolean {
    const { keys } = this.#options
    try {
      return keys.isOpen
        ? isOwnMachine(exchange)
        : keys.check(exchange.request.headers, exchange.address).role === 'admin'
    } catch {
      return false
    }
  }

  /** Checks later requests in another way. */
  reconfigure(changes: Pick<DoorOptions, 'keys' | 'proxies' | 'policy'>): void {
    this.#options.keys.close()
    this.#options = { ...this.#options, ...changes }
    this.#lastHost = undefined
  }

  /**
   * Answers a request, also when it is refused or something is thrown. The door finds the route itself, even if a
   * router would find another, unless the listener has found it by its exact path. A base URL with a slash at its end
   * makes paths such as `/v1//chat/completions`; they are accepted on routes that need a key.
   */
  answer(request: Request, listener: RequestListener, found?: FoundRoute): Response | Promise<Response> {
    const exchange = new RoutedExchange(request, this.#options, { listener, phase: this.phase, found })
    if (!found && isPreflight(request))
      return preflight(request.headers, exchange.newHeaders(), this.#options.table.methods)
    try {
      this.#check(exchange)
      const response = this.#options.run(this.#handlerOf(exchange), exchange)
      return response instanceof Promise ? finish(exchange, response) : logged(exchange, response)
    } catch (thrown) {
      return refuse(exchange, thrown)
    }
  }

  /** @throws ChatError if the request is refused */
  #check(exchange: RoutedExchange): void {
    const { found, rightPath } = exchange
    this.#refuseCrossSite(exchange.request.headers)
    // an unknown path needs a key too, and so does a path with spare slashes
    if (found?.route.access !== 'open' || rightPath !== undefined) this.#identify(exchange)
    if (this.phase === 'draining' && !found?.route.isLast) throw shuttingDown()
    // the process that took over would not learn of the change
    if (this.phase === 'yielding' && isChangeByAdmin(exchange)) throw shuttingDown()
  }

  #refuseCrossSite(headers: Headers): void {
    const { policy } = this.#options
    const host = headers.get('host')
    if (host === this.#lastHost && (policy.hasKeys || isFromNoPage(headers))) return
    refuseCrossSite(headers, policy)
    this.#lastHost = host
  }

  /** Without keys, only a program on this machine is an admin, and only on routes that ask for the role. */
  #identify(exchange: RoutedExchange): void {
    const { keys } = this.#options
    const { access, showsRole } = exchange.found?.route ?? {}
    const isAdmins = access === 'admin'
    if (!keys.isOpen) exchange.identify(keys.check(exchange.request.headers, exchange.address))
    else exchange.identify((isAdmins || showsRole) && isOwnMachine(exchange) ? ownAdmin : anybody)
    if (isAdmins) refuseClients(exchange.caller, !keys.isOpen)
  }

  /** @throws ChatError `not-found` */
  #handlerOf({ request, found, path, rightPath }: RoutedExchange): Handler {
    if (!found) throw notFound(request.method, this.#options.table.nearest(rightPath ?? path, request.headers))
    if (rightPath !== undefined && found.route.access === 'open') throw spareSlash(request.method, rightPath)
    return found.route.handler
  }
}

function isChangeByAdmin({ found, request }: RoutedExchange): boolean {
  return found?.route.access === 'admin' && request.method !== 'GET'
}

const ownAdmin: Caller = { ...anybody, role: 'admin' }

async function finish(exchange: RoutedExchange, answering: Promise<Response>): Promise<Response> {
  try {
    return logged(exchange, await answering)
  } catch (thrown) {
    return refuse(exchange, thrown)
  }
}

function logged(exchange: Exchange, response: Response): Response {
  if (!exchange.isLogged) exchange.log.debug({ status: response.status }, 'request')
  return response
}

async function refuse(exchange: RoutedExchange, thrown: unknown): Promise<Response> {
  await drainBody(exchange.request, exchange.runtime)
  const headers = exchange.newHeaders()
  const isWrongMethod = thrown instanceof ChatError && thrown.reason === 'wrong-method'
  const allow = isWrongMethod ? exchange.allow : undefined
  if (allow !== undefined) headers.allow = allow
  return errorResponse(exchange, thrown, headers)
}
