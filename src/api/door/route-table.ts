import type { Surface, SurfaceRoute } from '../surfaces/surface.ts'

/** A route, its surface, and what stands in the path for each `{name}`. */
export interface FoundRoute {
  readonly surface: Surface
  readonly route: SurfaceRoute
  readonly params: Readonly<Record<string, string>>
}

/** What is nearest to a path for which there is no route. */
export interface Nearest {
  readonly surface: Surface
  /** Those at this path for other methods, or else those that have most of the way to it in common; there may be none. */
  readonly routes: readonly SurfaceRoute[]
  /** Whether they are at this very path, for other methods. */
  readonly isAtPath: boolean
}

interface TableRow {
  readonly surface: Surface
  readonly route: SurfaceRoute
  readonly pattern: RegExp
  readonly found: FoundRoute
}

/** The routes of every surface, by method and path. */
export class RouteTable {
  readonly #rows: readonly TableRow[]
  readonly #fixed: ReadonlyMap<string, FoundRoute>
  readonly #first: Surface
  /** The methods that routes take, in the usual order. */
  readonly methods: readonly string[]

  /** @throws where there is no surface, or two of them have the same route: a mistake in the list */
  constructor(surfaces: readonly Surface[]) {
    const [first] = surfaces
    if (!first) throw new Error('There is no surface.')
    this.#first = first
    this.#rows = surfaces.flatMap((surface) => surface.routes.map((route) => rowOf(surface, route)))
    const keys = this.#rows.map(({ route }) => keyOf(route))
    const twice = keys.find((key, at) => keys.indexOf(key) !== at)
    if (twice) throw new Error(`Two surfaces have the route ${twice}.`)
    const fixed = this.#rows.filter(({ route }) => !route.path.includes('{'))
    this.methods = usualOrder.filter((method) => this.#rows.some(({ route }) => route.method === method))
    this.#fixed = new Map(fixed.map(({ route, found }) => [keyOf(route), found]))
  }

  get routes(): readonly SurfaceRoute[] {
    return this.#rows.map(({ route }) => route)
  }

  /** The route for a request. HEAD is GET without the body. */
  find(method: string, path: string): FoundRoute | undefined {
    const asked = method === 'HEAD' ? 'GET' : method
    const fixed = this.#fixed.get(`${asked} ${path}`)
    if (fixed) return fixed
    for (const { route, surface, pattern } of this.#rows) {
      if (route.method !== asked) continue
      const match = pattern.exec(path)
      if (match) return { surface, route, params: { ...match.groups } }
    }
    return undefined
  }

  nearest(path: string): Nearest {
    const at = this.#rows.filter(({ pattern }) => pattern.test(path))
    const rows = at.length > 0 ? at : this.#nearestRows(path)
    return {
      surface: rows[0]?.surface ?? this.#first,
      routes: rows.map(({ route }) => route),
      isAtPath: at.length > 0,
    }
  }

  #nearestRows(path: string): readonly TableRow[] {
    const segments = path.split('/', maxSegments).slice(1)
    const shared = this.#rows.map(({ route }) => sharedSegments(route.path.split('/').slice(1), segments))
    const most = Math.max(...shared)
    return most === 0 ? [] : this.#rows.filter((_, at) => shared[at] === most)
  }
}

const usualOrder: readonly SurfaceRoute['method'][] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** No route has more. */
const maxSegments = 32

function keyOf({ method, path }: SurfaceRoute): string {
  return `${method} ${path}`
}

function rowOf(surface: Surface, route: SurfaceRoute): TableRow {
  return { surface, route, pattern: patternOf(route.path), found: { surface, route, params: {} } }
}

/** Slashes at the end of what follows are a base URL's. */
function patternOf(path: string): RegExp {
  const parts = path.split(/(\{[^}]*\})/).map((part) => {
    const [, name, isRest] = /^\{(\w+)(\+?)\}$/.exec(part) ?? []
    if (name === undefined) return part.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
    return isRest ? `(?<${name}>.*[^/])/*` : `(?<${name}>[^/]+)`
  })
  return new RegExp(`^${parts.join('')}$`, 's')
}

function sharedSegments(route: readonly string[], path: readonly string[]): number {
  const differs = route.findIndex((segment, at) => segment !== path[at])
  // `/v1` itself is below nothing
  return Math.min(differs === -1 ? route.length : differs, path.length - 1)
}
