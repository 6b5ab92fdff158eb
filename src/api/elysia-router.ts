import { Elysia } from 'elysia'
import type { ServeOptions } from '../flow/network.ts'
import type { SurfaceRoute } from './surfaces/surface.ts'

/** Composes the routes with Elysia. @param answer answers each request, also if no route is found */
export function elysiaRouter(routes: readonly SurfaceRoute[], answer: ServeOptions['answer']): ServeOptions['answer'] {
  // by default Elysia assumes a host of at least four characters, and reads the path wrongly after a shorter host
  const app = new Elysia({ strictPath: true, handler: { standardHostname: false } }).onError(({ request, set }) => {
    // otherwise Elysia turns a successful answer into a 404
    set.status = 200
    return answer(request)
  })
  for (const { method, path } of routes)
    app.route(method, patternOf(path), ({ request }) => answer(request), { parse: 'none' })
  app.compile()
  return (request) => app.fetch(request)
}

/** A path for Elysia's router. The door finds the rest of the route itself. */
function patternOf(path: string): string {
  return path.replace(/\{.*$/, '*')
}
