import { anybody } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import { excerpt } from '../../chat/secret.ts'
import type { Logger } from '../../flow/call.ts'
import { drainBody } from '../exchange/drain-body.ts'
import { type Exchange, errorResponse, notFound, requestId } from '../exchange/exchange.ts'
import { type Route, routeAt } from '../route.ts'
import type { Keys } from './authenticate.ts'
import { clientAddress, type TrustedProxies } from './client-address.ts'
import { type CrossSitePolicy, corsHeaders, isPreflight, preflight, refuseCrossSite } from './cross-site.ts'
import { pathOf, withoutSpareSlashes } from './path.ts'

export interface DoorOptions {
  readonly keys: Keys
  readonly proxies: TrustedProxies
  readonly policy: CrossSitePolicy
  readonly log: Logger
}

/** Routes that need no key. Everything else does, whether it exists or not. */
const openRoutes = new Set(['GET /', 'GET /health', 'GET /ready', 'HEAD /', 'HEAD /health', 'HEAD /ready'])
/** Where every route needs a key, so that a spare slash cannot make another answer of the door's. */
const guarded = /^\/(v1|api|admin)\//
/** Routes that answer while the server shuts down. */
const lastRoutes = new Set(['/health', '/ready'])

/** `leaving`: it will stop, and says so to those who ask. `draining`: no new work is taken. */
type Phase = 'open' | 'leaving' | 'draining'

/** What the door knows of the connection a request came on. */
interface Listener {
  requestIP(request: Request): { readonly address: string } | null
  timeout(request: Request, seconds: number): void
}

/** Where every request comes in, before a byte of its body is read. */
export class Door {
  readonly #options: DoorOptions
  readonly #exchanges = new WeakMap<Request, Exchange>()
  phase: Phase = 'open'

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** The answer to a request that may not come in, or to a preflight; undefined for one that may. */
  admit(request: Request, listener: Listener | null): Response | Promise<Response> | undefined {
    const exchange = openExchange(request, { ...this.#options, listener, phase: this.phase })
    this.#exchanges.set(request, exchange)
    const { policy } = this.#options
    if (isPreflight(request)) return preflight(request.headers, exchange.headers)
    try {
      refuseCrossSite(request.headers, policy)
      if (!openRoutes.has(`${request.method} ${exchange.path}`)) this.#identify(exchange)
      if (this.phase === 'draining' && !lastRoutes.has(exchange.path)) throw shuttingDown()
      return undefined
    } catch (thrown) {
      return refuse(exchange, thrown)
    }
  }

  #identify(exchange: Exchange): void {
    exchange.caller = this.#options.keys.check(exchange.request.headers, exchange.address)
    exchange.log = exchange.log.child({ client: exchange.caller.name })
  }

  exchangeOf(request: Request): Exchange {
    return (
      this.#exchanges.get(request) ?? openExchange(request, { ...this.#options, listener: null, phase: this.phase })
    )
  }

  /**
   * A route's handler, with everything it throws turned into an answer. What the router takes for the path must be what
   * the door has judged: whatever can make them differ is no request of an honest client.
   */
  handler(
    answer: (exchange: Exchange) => Response | Promise<Response>,
  ): (context: { request: Request; path: string }) => Promise<Response> {
    return async ({ request, path }) => {
      const exchange = this.exchangeOf(request)
      try {
        if (path !== exchange.path) throw notFound(request.method)
        const response = await answer(exchange)
        if (!exchange.isLogged) exchange.log.debug({ status: response.status }, 'request')
        return response
      } catch (thrown) {
        return refuse(exchange, thrown)
      }
    }
  }

  /**
   * The answer to a request for which the router has found nothing. A base URL that ends in a slash makes paths such as
   * `/v1//chat/completions`: they are answered as if they were right.
   */
  answerUnrouted(request: Request, routes: readonly Route[]): Response | Promise<Response> {
    const exchange = this.exchangeOf(request)
    const path = withoutSpareSlashes(exchange.path)
    const route = path === exchange.path ? undefined : routeAt(routes, request.method, path)
    if (!route) return refuse(exchange, notFound(request.method))
    if (!guarded.test(path)) return refuse(exchange, spareSlash(request.method, path))
    this.#exchanges.set(request, { ...exchange, path })
    return this.handler(route.answer)({ request, path })
  }
}

async function refuse(exchange: Exchange, thrown: unknown): Promise<Response> {
  await drainBody(exchange.request)
  return errorResponse(exchange, thrown)
}

function spareSlash(method: string, path: string): ChatError {
  return new ChatError('not-found', { message: `The path has a slash too many. Send ${method} ${path} instead.` })
}

export function shuttingDown(): ChatError {
  return new ChatError('unavailable', {
    message: 'The gateway is shutting down.',
    code: 'shutting_down',
    retryAfterMs: 1_000,
  })
}

function openExchange(
  request: Request,
  {
    policy,
    proxies,
    log,
    listener,
    phase,
  }: DoorOptions & { readonly listener: Listener | null; readonly phase: Phase },
): Exchange {
  const path = pathOf(request.url)
  const id = requestId(request.headers)
  const address = clientAddress(listener?.requestIP(request)?.address ?? '', request.headers, proxies)
  return {
    request,
    path,
    id,
    address,
    log: log.child({ id, route: `${request.method} ${excerpt(path, 200)}`, address }),
    headers: {
      'x-request-id': id,
      'x-content-type-options': 'nosniff',
      // the next request of this client goes to where work is still taken
      ...(phase !== 'open' && { connection: 'close' }),
      ...corsHeaders(withoutSpareSlashes(path), request.headers, policy),
    },
    caller: anybody,
    isLogged: false,
    limitSilence: (seconds) => listener?.timeout(request, seconds),
  }
}
