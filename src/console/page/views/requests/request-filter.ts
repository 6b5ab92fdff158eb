import type { ListedRequest } from './types.ts'

export const filterNames = ['key', 'model', 'upstream', 'outcome'] as const
export type FilterName = (typeof filterNames)[number]

/** Which requests are shown. What is absent is not looked at. */
export type RequestFilter = Readonly<Partial<Record<FilterName, string>>>

export function readFilter(query: URLSearchParams): RequestFilter {
  return Object.fromEntries(
    filterNames.flatMap((name) => {
      const value = query.get(name)
      return value === null || value === '' ? [] : [[name, value]]
    }),
  )
}

/** Whether a request fits, by the same rules as those of `GET /admin/requests`. */
export function fits(request: ListedRequest, { key, model, upstream, outcome }: RequestFilter): boolean {
  if (key !== undefined && request.key !== key) return false
  if (model !== undefined && request.model !== model) return false
  if (upstream !== undefined && !upstreamsOf(request).includes(upstream)) return false
  if (outcome === undefined || outcome === request.outcome) return true
  return outcome === 'failed' && request.outcome !== 'ok' && request.outcome !== 'client_closed'
}

/** The upstreams of a panel are separated by commas. */
function upstreamsOf({ upstream }: ListedRequest): readonly string[] {
  return upstream?.split(', ') ?? []
}

/** The values that the requests have, for the choices of the filter. The one that is chosen is among them. */
export function valuesOf(
  requests: readonly ListedRequest[],
  name: FilterName,
  chosen: string | undefined,
): readonly string[] {
  const found = new Set(chosen === undefined ? [] : [chosen])
  for (const request of requests)
    for (const value of name === 'upstream' ? upstreamsOf(request) : [request[name]]) found.add(value)
  if (name === 'outcome') for (const usual of ['ok', 'client_closed', 'failed']) found.delete(usual)
  return [...found].sort((a, b) => a.localeCompare(b))
}

/** Puts new requests before the others, and keeps the newest ones. */
export function joinNewest(
  fresh: readonly ListedRequest[],
  former: readonly ListedRequest[],
  most = 1_000,
): readonly ListedRequest[] {
  const known = new Set(fresh.map(placeOf))
  return [...fresh, ...former.filter((request) => !known.has(placeOf(request)))].slice(0, most)
}

/** What tells two requests apart: a client may use an id twice. */
export function placeOf({ id, time }: ListedRequest): string {
  return `${time} ${id}`
}
