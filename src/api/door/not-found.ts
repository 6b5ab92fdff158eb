import { ChatError } from '../../chat/error.ts'
import type { SurfaceRoute } from '../surfaces/surface.ts'
import type { Nearest } from './route-table.ts'

/** The error for a path or method without a route. It names the nearest routes. */
export function notFound(method: string, { surface, routes, isAtPath }: Nearest): ChatError {
  const asked = /^[A-Z]{1,10}$/.test(method) ? method : 'this method'
  if (!isAtPath)
    return new ChatError('not-found', { message: `There is nothing at this path for ${asked}. ${routesOf(surface)}` })
  const others = joinWithAnd(routes.map((route) => route.method))
  return new ChatError('wrong-method', { message: `There is nothing at this path for ${asked}, only for ${others}.` })
}

/** The value of `Allow` for a path with these routes (RFC 9110, 10.2.1). */
export function allowOf(routes: readonly SurfaceRoute[]): string {
  return routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
}

/** The error for a path that would be right without doubled slashes or a slash at its end. */
export function spareSlash(method: string, path: string): ChatError {
  return new ChatError('not-found', { message: `The path has a slash too many. Send ${method} ${path} instead.` })
}

function routesOf({ hint, routes }: Nearest['surface']): string {
  const there = joinWithAnd(routes.map(spellRoute))
  return hint === undefined ? `There are ${there}.` : `${hint}; there are ${there}.`
}

/** A route for a client to read: `GET /v1/models/{model}`. */
function spellRoute({ method, path }: SurfaceRoute): string {
  return `${method} ${path.replace('+}', '}')}`
}

function joinWithAnd(texts: readonly string[]): string {
  const [last = '', ...others] = texts.toReversed()
  return others.length > 0 ? `${others.toReversed().join(', ')} and ${last}` : last
}
