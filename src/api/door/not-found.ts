import { ChatError } from '../../chat/error.ts'
import type { SurfaceRoute } from '../surfaces/surface.ts'
import type { Nearest } from './route-table.ts'

/** There is no such route: what there is instead. */
export function notFound(method: string, { surface, routes, isAtPath }: Nearest): ChatError {
  const asked = /^[A-Z]{1,10}$/.test(method) ? method : 'this method'
  const there = isAtPath
    ? `There is nothing at this path for ${asked}, only for ${listed(routes.map((route) => route.method))}.`
    : `There is nothing at this path for ${asked}. ${routesOf(surface)}`
  return new ChatError('not-found', { message: there })
}

/** The path would be right without the slashes that are doubled or at its end. */
export function spareSlash(method: string, path: string): ChatError {
  return new ChatError('not-found', { message: `The path has a slash too many. Send ${method} ${path} instead.` })
}

function routesOf({ hint, routes }: Nearest['surface']): string {
  const there = listed(routes.map(spelled))
  return hint === undefined ? `There are ${there}.` : `${hint}; there are ${there}.`
}

/** As a client would read it: `GET /v1/models/{model}`. */
function spelled({ method, path }: SurfaceRoute): string {
  return `${method} ${path.replace('+}', '}')}`
}

function listed(texts: readonly string[]): string {
  const [last = '', ...others] = texts.toReversed()
  return others.length > 0 ? `${others.toReversed().join(', ')} and ${last}` : last
}
