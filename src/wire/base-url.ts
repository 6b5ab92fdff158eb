/** The address where a service's routes begin, and the query of each of its requests. */
export interface BaseUrl {
  /** Without a trailing slash, a query or a fragment. */
  readonly url: string
  /** The query with its `?`, or an empty text. */
  readonly query: string
}

/** The routes of OpenAI's dialect. An address that was copied from a request ends in one of them. */
export const routesOfOpenai = [
  '/chat/completions',
  '/completions',
  '/models',
  '/responses',
  '/embeddings',
] as const satisfies readonly string[]

/**
 * Finds the base URL in an address: removes doubled and trailing slashes, and the route of a single request.
 * @param routes paths to remove. If one path ends in another, the longer one must come first
 * @returns undefined for an address that is not http or https, or has white space, a user or a fragment in it
 */
export function parseBaseUrl(text: string, routes: readonly string[]): BaseUrl | undefined {
  const url = /[\s#]/.test(text) ? null : URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return undefined
  const path = url.pathname.replace(/\/{2,}/g, '/').replace(/\/$/, '')
  const route = routes.find((one) => path.toLowerCase().endsWith(one))
  const base = route === undefined ? path : path.slice(0, -route.length)
  return { url: `${url.origin}${base}`, query: url.search }
}

/** Finds the base URL in an address that is known to be valid and to have no query. */
export function withoutRoute(url: string, routes: readonly string[]): string {
  return parseBaseUrl(url, routes)?.url ?? url
}

/** The whole address of a route. */
export function routeOf({ url, query }: BaseUrl, route: string): string {
  return `${url}${route}${query}`
}

/** Whether a base URL has a version, as nearly every service does: `/v1`, `/v1beta/openai`, Azure's `?api-version=…`. */
export function hasVersion({ url, query }: BaseUrl): boolean {
  return /\/v\d/i.test(new URL(url).pathname) || /\bapi-version=/.test(query)
}
