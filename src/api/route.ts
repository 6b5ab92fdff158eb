import type { Exchange } from './exchange/exchange.ts'

/** What is answered at a path. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Whole, or with a `/*` at its end, which stands for whatever follows. */
  readonly path: string
  /** What it throws becomes an answer too. */
  answer(exchange: Exchange): Response | Promise<Response>
}

/** The route that answers a request of this method for this path. */
export function routeAt(routes: readonly Route[], method: string, path: string): Route | undefined {
  const asked = method === 'HEAD' ? 'GET' : method
  return routes.find((route) => route.method === asked && isAt(route.path, path))
}

function isAt(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern
}
