/** Where a service's routes begin, and the query that each of its requests bears. */
export interface BaseUrl {
  /** Without a trailing slash, a query or a fragment. */
  readonly url: string
  /** With its `?`; empty where there is none. */
  readonly query: string
}

/** The routes of OpenAI's dialect, in which an address ends that was copied from a request. */
export const routesOfOpenai = [
  '/chat/completions',
  '/completions',
  '/models',
  '/responses',
  '/embeddings',
] as const satisfies readonly string[]

/**
 * The base URL that an address means: slashes that are doubled or trail, and the route of one request, do not belong to it.
 * @param routes paths that are no part of a base URL, those that end in others first
 * @returns undefined for what is no http or https URL, or has white space, a user or a fragment in it
 */
export function parseBaseUrl(text: string, routes: readonly string[]): BaseUrl | undefined {
  const url = /[\s#]/.test(text) ? null : URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return undefined
  const path = url.pathname.replace(/\/{2,}/g, '/').replace(/\/$/, '')
  const route = routes.find((one) => path.toLowerCase().endsWith(one))
  const base = route === undefined ? path : path.slice(0, -route.length)
  return { url: `${url.origin}${base}`, query: url.search }
}

/** The same for an address that is known to be one, and bears no query. */
export function withoutRoute(url: string, routes: readonly string[]): string {
  return parseBaseUrl(url, routes)?.url ?? url
}

/** The address of a route. */
export function routeOf({ url, query }: BaseUrl, route: string): string {
  return `${url}${route}${query}`
}

/** Whether a base URL has the version that nearly every service has in it: `/v1`, `/v1beta/openai`, Azure's `?api-version=…`. */
export function hasVersion({ url, query }: BaseUrl): boolean {
  return /\/v\d/i.test(new URL(url).pathname) || /\bapi-version=/.test(query)
}
