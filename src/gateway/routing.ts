import type { Runtime } from '../flow/runtime.ts'
import type { Catalog } from './catalog.ts'
import { HedgeBudget } from './combine/hedge-budget.ts'
import { ResponseTimes } from './combine/response-times.ts'
import { RouteIndex } from './routes/route-index.ts'
import type { Route } from './routes/route-tree.ts'
import type { UpstreamParts } from './upstream-parts.ts'

/** What the routers of chats and of tasks share. */
export interface Routing {
  readonly catalog: Catalog<UpstreamParts>
  readonly routes: RouteIndex
  readonly times: ResponseTimes
  readonly hedges: HedgeBudget
  readonly runtime: Pick<Runtime, 'elapsed' | 'random'>
}

interface RoutingOptions extends Pick<Routing, 'runtime'> {
  readonly routes: readonly Route[]
}

export function openRouting(catalog: Catalog<UpstreamParts>, { routes, runtime }: RoutingOptions): Routing {
  const times = new ResponseTimes(() => runtime.elapsed())
  return { catalog, routes: new RouteIndex(routes, catalog), times, hedges: new HedgeBudget(), runtime }
}
