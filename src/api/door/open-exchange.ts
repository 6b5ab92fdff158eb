import { anybody } from '../../chat/caller.ts'
import { excerpt } from '../../chat/secret.ts'
import type { Logger } from '../../flow/call.ts'
import type { HttpListener } from '../../flow/network.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { type Exchange, requestId } from '../exchange/exchange.ts'
import type { Phase } from '../exchange/services.ts'
import { clientAddress, type TrustedProxies } from './client-address.ts'
import { type CrossSitePolicy, corsHeaders } from './cross-site.ts'
import { pathOf, withoutSpareSlashes } from './path.ts'
import type { FoundRoute, RouteTable } from './route-table.ts'

/** The connection of a request, as the door needs it. */
export type RequestListener = Pick<HttpListener, 'addressOf' | 'limitSilence'>

export interface OpenExchangeOptions {
  readonly table: RouteTable
  readonly proxies: TrustedProxies
  readonly policy: CrossSitePolicy
  readonly log: Logger
  readonly runtime: Runtime
  readonly listener: RequestListener | null
  readonly phase: Phase
}

/** A request and its route. */
export interface RoutedExchange {
  readonly exchange: Exchange
  readonly found: FoundRoute | undefined
  /** The path without spare slashes, if the path as sent has no route. */
  readonly rightPath: string | undefined
}

/** Begins an exchange, before any check. */
export function openExchange(request: Request, options: OpenExchangeOptions): RoutedExchange {
  const { table, policy, log, runtime, listener, phase } = options
  const path = pathOf(request.url)
  const asSent = table.find(request.method, path)
  const right = asSent ? path : withoutSpareSlashes(path)
  const found = right === path ? asSent : table.find(request.method, right)
  const id = requestId(request.headers, runtime)
  const address = clientAddress(listener?.addressOf(request) ?? '', request.headers, options.proxies)
  const surface = found?.surface ?? table.nearest(right).surface
  const usual = {
    'x-request-id': id,
    'x-content-type-options': 'nosniff',
    // so that the client's next request goes to another process
    ...(phase !== 'open' && { connection: 'close' }),
    ...(isShared(found, table, right) && corsHeaders(request.headers, policy)),
  }
  const exchange: Exchange = {
    request,
    runtime,
    path,
    params: found?.params ?? {},
    encodeFailure: (error) => surface.error(error, exchange),
    id,
    address,
    log: log.child({ id, route: `${request.method} ${excerpt(path, 200)}`, address }),
    get headers() {
      return surface.headers ? withOwn(usual, surface.headers(exchange)) : usual
    },
    caller: anybody,
    receipt: undefined,
    isLogged: false,
    limitSilence: (seconds) => listener?.limitSilence(request, seconds),
  }
  return { exchange, found, rightPath: right === path ? undefined : right }
}

type HeaderFields = Readonly<Record<string, string>>

/** Adds a surface's own headers to the usual ones. Pages that may read the response may read these headers too. */
function withOwn(usual: HeaderFields, own: HeaderFields): HeaderFields {
  const exposed = usual['access-control-expose-headers']
  const names = [exposed, ...Object.keys(own)].join(', ')
  return { ...usual, ...own, ...(exposed !== undefined && { 'access-control-expose-headers': names }) }
}

/** Whether pages of other origins may read the response. They may also read an error for a path near such routes. */
function isShared(found: FoundRoute | undefined, table: RouteTable, path: string): boolean {
  if (found) return found.route.cors
  const { routes } = table.nearest(path)
  return routes.length > 0 && routes.every(({ cors }) => cors)
}
