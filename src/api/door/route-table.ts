import type { Surface, SurfaceRoute } from '../surfaces/surface.ts'

/** A route, its surface, and the path's text for each `{name}`. */
export interface FoundRoute {
  readonly surface: Surface
  readonly route: SurfaceRoute
  readonly params: Readonly<Record<string, string>>
}

/** The routes nearest to a path that has no route. */
export interface Nearest {
  readonly surface: Surface
  /**
   * The routes at this path with other methods, or else the routes with the longest common beginning; possibly none.
   */
  readonly routes: readonly SurfaceRoute[]
  /** Whether they are at exactly this path, with other methods. */
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
  readonly #fixedPaths: ReadonlySet<string>
  readonly #first: Surface
  readonly #bases: ReadonlySet<string>
  /** The methods of all routes, in the usual order. */
  readonly methods: readonly string[]

  /** @throws if there is no surface, or two surfaces have the same route, which is a mistake in the list */
  constructor(surfaces: readonly Surface[]) {
    const [first] = surfaces
    if (!first) throw new Error('There is no surface.')
    this.#first = first
    this.#bases = new Set(surfaces.flatMap(({ base }) => base ?? []))
    this.#rows = surfaces.flatMap((surface) => surface.routes.map((route) => rowOf(surface, route)))
    const keys = this.#rows.map(({ route }) => keyOf(route))
    const twice = keys.find((key, at) => keys.indexOf(key) !== at)
    if (twice) throw new Error(`Two surfaces have the route ${twice}.`)
    const fixed = this.#rows.filter(({ route }) => !route.path.includes('{'))
    this.methods = usualOrder.filter((method) => this.#rows.some(({ route }) => route.method === method))
    this.#fixedPaths = new Set(fixed.map(({ route }) => route.path))
    this.#fixed = new Map(fixed.map(({ route, found }) => [keyOf(route), found]))
  }

  /** The routes whose path has no `{name}`. */
  get fixed(): readonly FoundRoute[] {
    return [...this.#fixed.values()]
  }

  get routes(): readonly SurfaceRoute[] {
    return this.#rows.map(({ route }) => route)
  }

  /**
   * The route for a request. HEAD is GET without the body. The beginning of a surface's paths may be missing or doubled, because
   * clients have base URLs with it and without it.
   */
  find(method: string, path: string): FoundRoute | undefined {
    const asked = method === 'HEAD' ? 'GET' : method
    const found = this.#at(asked, path)
    if (found) return found
    for (const base of this.#bases) {
      const based = this.#at(asked, path.startsWith(`${base}${base}/`) ? path.slice(base.length) : base + path)
      if (based?.surface.base === base) return based
    }
    return undefined
  }

  #at(asked: string, path: string): FoundRoute | undefined {
    const fixed = this.#fixed.get(`${asked} ${path}`)
    if (fixed) return fixed
    // its own path, so another method is none of a `{name}` beside it
    if (this.#fixedPaths.has(path)) return undefined
    for (const { route, surface, pattern } of this.#rows) {
      if (route.method !== asked) continue
      const match = pattern.exec(path)
      if (match) return { surface, route, params: { ...match.groups } }
    }
    return undefined
  }

  /** @param headers those of the request, which may show the kind of its client */
  nearest(path: string, headers?: Headers): Nearest {
    const isFixed = this.#fixedPaths.has(path)
    const at = this.#rows.filter(({ route, pattern }) => (isFixed ? route.path === path : pattern.test(path)))
    const own = this.#rows.filter(({ surface }) => surface.header !== undefined && headers?.has(surface.header))
    const rows = at.length > 0 ? at : nearestRows(path, own.length > 0 ? own : this.#rows)
    return {
      surface: rows[0]?.surface ?? this.#first,
      routes: rows.map(({ route }) => route),
      isAtPath: at.length > 0,
    }
  }
}

function nearestRows(path: string, rows: readonly TableRow[]): readonly TableRow[] {
  const segments = path.split('/', maxSegments).slice(1)
  const shared = rows.map(({ route }) => sharedSegments(route.path.split('/').slice(1), segments))
  const most = Math.max(...shared)
  return most === 0 ? [] : rows.filter((_, at) => shared[at] === most)
}

const usualOrder: readonly SurfaceRoute['method'][] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** No route has more segments. */
const maxSegments = 32

function keyOf({ method, path }: SurfaceRoute): string {
  return `${method} ${path}`
}

function rowOf(surface: Surface, route: SurfaceRoute): TableRow {
  return { surface, route, pattern: patternOf(route.path), found: { surface, route, params: {} } }
}

/** Makes the pattern of a path. For a `{name+}`, which takes several segments, slashes at the end do not count. */
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
  // the last segment does not count, so `/v1` alone has nothing in common with `/v1/models`
  return Math.min(differs === -1 ? route.length : differs, path.length - 1)
}
