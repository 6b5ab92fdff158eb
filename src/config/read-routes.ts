import { columnOf, type RouteFault } from '../gateway/routes/cursor.ts'
import { linkRoutes } from '../gateway/routes/link-routes.ts'
import { omnibus } from '../gateway/routes/omnibus.ts'
import { type ParsedRoutes, parseRoutes } from '../gateway/routes/parse-routes.ts'
import type { Route } from '../gateway/routes/route-tree.ts'
import type { Upstream } from '../providers/provider.ts'
import type { Environment } from './environment.ts'
import { nearestName, prepareName } from './near-name.ts'
import { isPossible } from './report-impossible.ts'

/** `ROUTES` as it is written, before the names in it are looked up. */
export interface WrittenRoutes extends ParsedRoutes {
  readonly text: string
  /** The names of all routes. */
  readonly names: ReadonlySet<string>
  /** `rawbot-omnibus`, if it has members. */
  readonly builtIn: readonly Route[]
}

/** Reads `ROUTES`, one `name = expression` per line or after a `;`. */
export function readRoutes(environment: Environment, upstreams: readonly Upstream[]): WrittenRoutes {
  const text = environment.text('ROUTES') ?? ''
  const parsed = parseRoutes(text)
  const builtIn = [omnibus(upstreams.map(({ name }) => name)) ?? []].flat()
  const names = new Set([...builtIn, ...parsed.definitions].map(({ name }) => name))
  return { ...parsed, text, names, builtIn }
}

interface KnownModelNames {
  readonly upstreams: readonly Upstream[]
  readonly aliases: ReadonlyMap<string, string>
}

/** Looks up the names in the routes, and reports everything that is wrong with `ROUTES`. */
export function linkWritten(
  environment: Environment,
  written: WrittenRoutes,
  known: KnownModelNames,
): readonly Route[] {
  const { text, definitions, builtIn } = written
  const { routes, faults } = linkRoutes(definitions, {
    taken: builtIn.map(({ name }) => name),
    faultOf: (name) => faultOf(name, written, known),
    isAddress: (name) => upstreamOf(name, known.upstreams) !== undefined,
  })
  const all = [...written.faults, ...faults].sort((a, b) => a.at - b.at)
  for (const fault of all) environment.report({ variable: 'ROUTES', ...placed(fault, text) })
  return [...builtIn, ...routes]
}

function placed({ at, problem, remedy }: RouteFault, text: string) {
  const line = text.slice(0, at).split('\n').length
  const column = `column ${columnOf(text, at)}`
  return { problem: `${problem}, at ${text.includes('\n') ? `line ${line}, ${column}` : column}`, remedy }
}

type MemberFault = Omit<RouteFault, 'at'>

/** Says why a name cannot be that of a model. Without a fixed list, an upstream may have any model. */
function faultOf(
  name: string,
  { names }: WrittenRoutes,
  { upstreams, aliases }: KnownModelNames,
): MemberFault | undefined {
  if (aliases.has(name)) return undefined
  const upstream = upstreamOf(name, upstreams)
  const fixed = upstreams.flatMap(({ models = [] }) => models.map(({ id }) => id))
  if (fixed.includes(name)) return undefined
  if (upstream) {
    const models = upstream.models?.map(({ id }) => `${upstream.name}/${id}`)
    if (/\/$|:tools$/.test(name))
      return { problem: `has "${name}", which names no model`, remedy: 'write upstream/model' }
    if (models?.includes(name) ?? true) return undefined
    return { problem: `has "${name}", which ${upstream.name} does not serve`, remedy: meant(name, models ?? []) }
  }
  if (name.includes('/')) return noSuchUpstream(name, upstreams)
  if (upstreams.some((one) => one.name === name))
    return { problem: `has "${name}", which is an upstream`, remedy: `name one of its models: ${name}/MODEL` }
  if (!name.endsWith(':tools') && isPossible(name, upstreams)) return undefined
  const others = [...names, ...aliases.keys(), ...fixed]
  return { problem: `has "${name}", which is no model, alias or route`, remedy: meant(name, others) }
}

function upstreamOf(name: string, upstreams: readonly Upstream[]): Upstream | undefined {
  return upstreams.find((upstream) => name.startsWith(`${upstream.name}/`))
}

function noSuchUpstream(name: string, upstreams: readonly Upstream[]): MemberFault {
  const [prefix = '', ...rest] = name.split('/')
  const names = upstreams.map((upstream) => upstream.name)
  const near = nearest(prefix, names)
  const remedy =
    near === undefined
      ? `write upstream/model, with one of the upstreams ${names.join(', ')}`
      : `perhaps "${[near, ...rest].join('/')}" is meant`
  return { problem: `has "${name}", but there is no upstream "${prefix}"`, remedy }
}

function meant(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  if (near !== undefined) return `perhaps "${near}" is meant`
  return known.length > 0 && known.length <= 20 ? `one of ${known.join(', ')}` : 'write upstream/model'
}

function nearest(name: string, known: readonly string[]): string | undefined {
  return nearestName(prepareName(name), known.map(prepareName), { left: 10_000 })
}
