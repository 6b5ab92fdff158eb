import { anybody, type Caller } from '../../chat/caller.ts'
import type { ChatError } from '../../chat/error.ts'
import { excerpt } from '../../chat/secret.ts'
import type { Logger, Receipt } from '../../flow/call.ts'
import type { HttpListener } from '../../flow/network.ts'
import type { Runtime } from '../../flow/runtime.ts'
import type { CallSpan } from '../../flow/span.ts'
import type { LimitsLeft } from '../../keys/key-meter.ts'
import { type Exchange, type FailureReply, requestId } from '../exchange/exchange.ts'
import type { Phase } from '../exchange/services.ts'
import type { Surface } from '../surfaces/surface.ts'
import { clientAddress, type TrustedProxies } from './client-address.ts'
import { type CrossSitePolicy, corsHeaders } from './cross-site.ts'
import { limitHeaders } from './limit-headers.ts'
import { allowOf } from './not-found.ts'
import { pathOf, withoutSpareSlashes } from './path.ts'
import type { FoundRoute, Nearest, RouteTable } from './route-table.ts'

/** The connection of a request, as the door needs it. */
export type RequestListener = Pick<HttpListener, 'addressOf' | 'limitSilence'>

export interface OpenExchangeOptions {
  readonly table: RouteTable
  readonly proxies: TrustedProxies
  readonly policy: CrossSitePolicy
  readonly log: Logger
  readonly runtime: Runtime
  /** What is left of a caller's limits of a minute; undefined if it has none. */
  limitsLeft?(caller: Caller): LimitsLeft | undefined
}

/** The peer of the last request that named no other address. Most requests come from few peers. */
let lastPeer = { sent: '', address: '' }

/** What the door knows of a request before any check. */
export interface Arrival {
  readonly listener: RequestListener
  readonly phase: Phase
  /** The route, if the listener has found it. */
  readonly found: FoundRoute | undefined
}

/** A request and its route. What few requests need is made when it is asked for. */
export class RoutedExchange implements Exchange {
  readonly request: Request
  readonly found: FoundRoute | undefined
  readonly path: string
  /** The path without spare slashes, if the path as sent has no route. */
  readonly rightPath: string | undefined
  readonly id: string
  caller = anybody
  receipt: Receipt | undefined
  span: CallSpan | undefined
  isLogged = false
  readonly #options: OpenExchangeOptions
  readonly #arrival: Arrival
  #clientName: string | undefined
  #address: string | undefined
  #log: Logger | undefined

  constructor(request: Request, options: OpenExchangeOptions, arrival: Arrival) {
    this.request = request
    this.#options = options
    this.#arrival = arrival
    this.id = requestId(request.headers, options.runtime)
    if (arrival.found) {
      this.found = arrival.found
      this.path = arrival.found.route.path
      return
    }
    const { table } = options
    this.path = pathOf(request.url)
    this.found = table.find(request.method, this.path)
    const right = this.found ? this.path : withoutSpareSlashes(this.path)
    if (right === this.path) return
    this.rightPath = right
    this.found = table.find(request.method, right)
  }

  get runtime(): Runtime {
    return this.#options.runtime
  }

  get surface(): string {
    return this.#surface().name
  }

  get route(): string {
    return this.found?.route.path ?? ''
  }

  get params(): Readonly<Record<string, string>> {
    return this.found?.params ?? {}
  }

  get address(): string {
    this.#address ??= this.#readAddress()
    return this.#address
  }

  #readAddress(): string {
    const peer = this.#arrival.listener.addressOf(this.request) ?? ''
    const { headers } = this.request
    if (headers.has('x-forwarded-for')) return clientAddress(peer, headers, this.#options.proxies)
    if (peer !== lastPeer.sent) lastPeer = { sent: peer, address: clientAddress(peer, headers, this.#options.proxies) }
    return lastPeer.address
  }

  get log(): Logger {
    this.#log ??= this.#options.log.child({
      id: this.id,
      route: `${this.request.method} ${excerpt(this.path, 200)}`,
      address: this.address,
      client: this.#clientName,
      traceId: this.span?.traceId,
    })
    return this.#log
  }

  /** Notes who sent it. From now on the lines of the log have the name. */
  identify(caller: Caller): void {
    this.caller = caller
    this.#clientName = caller.name
    this.#log = undefined
  }

  trace(span: CallSpan | undefined): void {
    this.span = span
    this.#log = undefined
  }

  get limitsLeft(): LimitsLeft | undefined {
    return this.#options.limitsLeft?.(this.caller)
  }

  newHeaders(): Record<string, string> {
    const headers: Record<string, string> = { 'x-request-id': this.id, 'x-content-type-options': 'nosniff' }
    // so that the client's next request goes to another process
    if (this.#arrival.phase !== 'open') headers.connection = 'close'
    if (this.request.headers.get('origin') !== null && this.#isShared())
      Object.assign(headers, corsHeaders(this.request.headers, this.#options.policy))
    if (this.caller.limits) addOwn(headers, limitHeaders(this.limitsLeft))
    const surface = this.#surface()
    if (surface.headers) addOwn(headers, surface.headers(this))
    return headers
  }

  encodeFailure(error: ChatError): FailureReply {
    return this.#surface().error(error, this)
  }

  limitSilence(seconds: number): void {
    this.#arrival.listener.limitSilence(this.request, seconds)
  }

  #surface(): Surface {
    return this.found?.surface ?? this.#nearest().surface
  }

  #nearest(): Nearest {
    return this.#options.table.nearest(this.rightPath ?? this.path, this.request.headers)
  }

  /** The methods of a path that has no route for the request's own; undefined for any other request. */
  get allow(): string | undefined {
    if (this.found) return undefined
    const { routes, isAtPath } = this.#nearest()
    return isAtPath ? allowOf(routes) : undefined
  }

  /** Whether pages of other origins may read the response. They may also read an error for a path near such routes. */
  #isShared(): boolean {
    if (this.found) return this.found.route.cors
    const { routes } = this.#nearest()
    return routes.length > 0 && routes.every(({ cors }) => cors)
  }
}

/** Adds a surface's own headers to the usual ones. Pages that may read the response may read these headers too. */
function addOwn(headers: Record<string, string>, own: Readonly<Record<string, string>>): void {
  const exposed = headers['access-control-expose-headers']
  Object.assign(headers, own)
  if (exposed !== undefined) headers['access-control-expose-headers'] = [exposed, ...Object.keys(own)].join(', ')
}
