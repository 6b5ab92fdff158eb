import type { Logger } from '../chat/call.ts'
import { ChatError } from '../chat/error.ts'
import { excerpt } from '../chat/secret.ts'
import { anybody, type Keys } from './authenticate.ts'
import { type CrossSitePolicy, corsHeaders, isPreflight, preflight, refuseCrossSite } from './cross-site.ts'
import { type Exchange, errorResponse, notFound, requestId } from './exchange.ts'

export interface DoorOptions {
  readonly keys: Keys
  readonly policy: CrossSitePolicy
  readonly log: Logger
}

/** Routes that need no key. Everything else does, whether it exists or not. */
const openRoutes = new Set(['GET /', 'GET /health', 'GET /ready', 'HEAD /', 'HEAD /health', 'HEAD /ready'])
/** Routes that answer while the server shuts down. */
const lastRoutes = new Set(['/health', '/ready'])

/** What the door knows of the connection a request came on. */
interface Listener {
  requestIP(request: Request): { readonly address: string } | null
  timeout(request: Request, seconds: number): void
}

/** Where every request comes in, before a byte of its body is read. */
export class Door {
  readonly #options: DoorOptions
  readonly #exchanges = new WeakMap<Request, Exchange>()
  /** True once no new work is taken. */
  isDraining = false

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** The answer to a request that may not come in, or to a preflight; undefined for one that may. */
  admit(request: Request, listener: Listener | null): Response | undefined {
    const exchange = openExchange(request, { ...this.#options, listener })
    this.#exchanges.set(request, exchange)
    const { keys, policy } = this.#options
    const address = listener?.requestIP(request)?.address ?? ''
    if (isPreflight(request)) return preflight(request.headers, exchange.headers)
    try {
      refuseCrossSite(request.headers, policy)
      if (!openRoutes.has(`${request.method} ${exchange.path}`)) exchange.client = keys.check(request.headers, address)
      if (this.isDraining && !lastRoutes.has(exchange.path)) throw shuttingDown()
      return undefined
    } catch (thrown) {
      return errorResponse(exchange, thrown)
    }
  }

  exchangeOf(request: Request): Exchange {
    return this.#exchanges.get(request) ?? openExchange(request, { ...this.#options, listener: null })
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
        return errorResponse(exchange, thrown)
      }
    }
  }
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
  { policy, log, listener }: DoorOptions & { readonly listener: Listener | null },
): Exchange {
  const path = pathOf(request.url)
  const id = requestId(request.headers)
  return {
    request,
    path,
    id,
    log: log.child({ id, route: `${request.method} ${excerpt(path, 200)}` }),
    headers: {
      'x-request-id': id,
      'x-content-type-options': 'nosniff',
      ...corsHeaders(path, request.headers, policy),
    },
    client: anybody,
    isLogged: false,
    limitSilence: (seconds) => listener?.timeout(request, seconds),
  }
}

/**
 * The path of a URL as it was sent: without a Host, Bun's request.url is a bare path, which URL would refuse. A `#` is
 * part of it, as it is for the router: no client may send one.
 */
function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2)
  if (start < 0) return '/'
  const end = url.indexOf('?', start)
  return url.slice(start, end < 0 ? undefined : end)
}
