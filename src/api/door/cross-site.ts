import { ChatError } from '../../chat/error.ts'

export interface CrossSitePolicy {
  /**
   * Whether a key is needed. A web page does not have the key, so it cannot use the gateway without its reader's
   * knowledge.
   */
  readonly hasKeys: boolean
  /** Further host names that are accepted without a key. */
  readonly allowedHosts: readonly string[]
  /** Whether the gateway listens beyond loopback. Then an IP address is accepted as `Host`, as `localhost` is. */
  readonly isPublic: boolean
  /** Origins whose pages may call the gateway; undefined for the default. */
  readonly corsOrigins: readonly string[] | undefined
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Refuses requests of foreign web pages. Without a key, the gateway is not protected by loopback or a private
 * network: any page can use a host name that resolves to it, and a page of another program on this machine is foreign
 * too. So the `Host` must be one of ours, and a page must come from this same `Host`, or from an origin in
 * `CORS_ORIGINS`. With keys any valid `Host` is accepted.
 * @throws ChatError `forbidden`, or `invalid-request` for an invalid host
 */
export function refuseCrossSite(headers: Headers, policy: CrossSitePolicy): void {
  const host = headers.get('host')
  if (host === null || (policy.hasKeys && nameIn(host) === undefined)) {
    throw new ChatError('invalid-request', {
      message: 'The request must name one host: send a single "Host" header.',
      code: 'invalid_host',
    })
  }
  if (policy.hasKeys) return
  if (!isOurHost(host, policy)) {
    throw new ChatError('forbidden', {
      message:
        'Without an API key the gateway answers only under its own name. Add this host to ALLOWED_HOSTS, or set API_MASTER_KEY.',
      code: 'host_not_allowed',
    })
  }
  if (isCrossSite(headers, host, policy)) {
    throw new ChatError('forbidden', {
      message:
        'Without an API key the gateway answers no page of another site. Set API_MASTER_KEY, or add the origin to CORS_ORIGINS.',
      code: 'host_not_allowed',
    })
  }
}

function isCrossSite(headers: Headers, host: string, { corsOrigins }: CrossSitePolicy): boolean {
  const origin = headers.get('origin')
  if (origin !== null && corsOrigins?.includes(origin)) return false
  return isFromForeignPage(headers, host)
}

/**
 * Whether the request comes from a page of another origin. A browser sends `Sec-Fetch-Site`, which no page can set
 * (W3C Fetch Metadata). It also sends the page's `Origin`, except with some GET requests. Other programs send neither
 * header.
 */
export function isFromForeignPage(headers: Headers, host: string): boolean {
  const origin = headers.get('origin')
  const site = headers.get('sec-fetch-site') ?? 'none'
  if (site === 'none' || site === 'same-origin') return origin !== null && !isOriginOf(host, origin)
  // for a browser, http and https of one host are the same site, but two origins
  return site !== 'same-site' || origin === null || !isOriginOf(host, origin)
}

/** Whether a request has neither `Origin` nor `Sec-Fetch-Site`. A browser adds them for the page that sends the request. */
export function isFromNoPage(headers: Headers): boolean {
  return headers.get('origin') === null && headers.get('sec-fetch-site') === null
}

/** Whether the origin is that of this `Host`, over http, or over https through a proxy that ends TLS. */
function isOriginOf(host: string, origin: string): boolean {
  const url = URL.parse(origin)
  if (!url || !/^https?:$/.test(url.protocol) || url.origin !== origin.toLowerCase()) return false
  // the scheme's default port may be left out
  return URL.parse(`${url.protocol}//${host}`)?.origin === url.origin
}

/** Reads the name of `name` or `name:port`. Two `Host` headers arrive joined with a comma, which is not valid. */
function nameIn(host: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase()
}

function isOurHost(host: string, { allowedHosts, isPublic }: CrossSitePolicy): boolean {
  const name = nameIn(host)
  if (!name) return false
  return (
    loopback.has(name) ||
    allowedHosts.includes(name) ||
    allowedHosts.includes(host.toLowerCase()) ||
    (isPublic && isAddress(name))
  )
}

function isAddress(name: string): boolean {
  return name.startsWith('[') || /^\d{1,3}(\.\d{1,3}){3}$/.test(name)
}

/** The CORS headers of a response that pages of other origins may read, if the operator allows it. */
export function corsHeaders(headers: Headers, policy: CrossSitePolicy): Readonly<Record<string, string>> {
  const origin = headers.get('origin')
  if (!origin) return {}
  if (!policy.corsOrigins) return policy.hasKeys ? { ...exposed, 'access-control-allow-origin': '*' } : {}
  // without keys, `*` allows no page of another origin, so this header is not sent
  if (policy.corsOrigins.includes('*')) return policy.hasKeys ? { ...exposed, 'access-control-allow-origin': '*' } : {}
  return policy.corsOrigins.includes(origin)
    ? { ...exposed, 'access-control-allow-origin': origin, vary: 'Origin' }
    : { vary: 'Origin' }
}

const exposed = {
  'access-control-expose-headers':
    'x-request-id, x-tributary-upstream, x-tributary-attempts, x-tributary-parameters, x-tributary-upstreams-missing, ' +
    'x-tributary-tools-missing, x-tributary-tools-omitted, x-tributary-tools-searched, x-tributary-lost, x-tributary-stream, ' +
    'x-tributary-continued, x-tributary-cache, x-tributary-asked-sha256, x-tributary-answered-sha256, ' +
    'retry-after, x-should-retry',
}

/**
 * The answer to a preflight. It carries no credentials, so it never needs a key.
 * @param usual the headers of every answer to this request
 * @param methods the methods of the routes
 */
export function preflight(
  headers: Headers,
  usual: Readonly<Record<string, string>>,
  methods: readonly string[],
): Response {
  const isAllowed = 'access-control-allow-origin' in usual
  const allowed = {
    'access-control-allow-methods': [...methods, 'OPTIONS'].join(', '),
    'access-control-allow-headers':
      /^[\w!#$%&'*+.^`|~, -]{1,2000}$/.exec(headers.get('access-control-request-headers') ?? '')?.[0] ??
      'authorization, content-type',
    'access-control-max-age': '7200',
  }
  return new Response(null, { status: 204, headers: { ...usual, ...(isAllowed && allowed) } })
}

export function isPreflight(request: Request): boolean {
  return (
    request.method === 'OPTIONS' &&
    request.headers.has('origin') &&
    request.headers.has('access-control-request-method')
  )
}
