import type { RouteFault } from './cursor.ts'
import type { RouteDefinition } from './parse-routes.ts'
import { type GroupNode, type ModelNode, modelsOf, type Route, type RouteNode, settingsWithin } from './route-tree.ts'

export interface LinkOptions {
  /** Names of models that the gateway adds itself. No route may have one. */
  readonly taken: readonly string[]
  /** Says what is wrong with a member that is no route; undefined if it may be a model. */
  faultOf(name: string): Omit<RouteFault, 'at'> | undefined
  /** Whether a name begins with an upstream's own. */
  isAddress(name: string): boolean
}

export interface LinkedRoutes {
  readonly routes: readonly Route[]
  readonly faults: readonly RouteFault[]
}

/** Limit for the models of a route, with those of the routes that it names. */
const maxModels = 100

/** Puts the routes that a route names in their places, and checks all other members. */
export function linkRoutes(definitions: readonly RouteDefinition[], options: LinkOptions): LinkedRoutes {
  const linker = new Linker(definitions, options)
  const routes = [...linker.known.values()].flatMap(({ name }) => linker.link(name) ?? [])
  return { routes, faults: linker.faults }
}

/** Links each route once. */
class Linker {
  readonly known: ReadonlyMap<string, RouteDefinition>
  readonly faults: RouteFault[] = []
  readonly #options: LinkOptions
  /** Undefined for a route with a fault. */
  readonly #linked = new Map<string, Route | undefined>()
  /** The routes that are being linked, each named by the one before. */
  readonly #path: string[] = []

  constructor(definitions: readonly RouteDefinition[], options: LinkOptions) {
    this.#options = options
    const known = new Map<string, RouteDefinition>()
    for (const one of definitions) {
      if (!known.has(one.name) && !options.taken.includes(one.name)) known.set(one.name, one)
      else this.#report(one.at, `defines "${one.name}" twice`, 'choose another name')
    }
    this.known = known
  }

  /** @returns undefined if it has a fault, which has been reported */
  link(name: string): Route | undefined {
    if (this.#linked.has(name)) return this.#linked.get(name)
    const definition = this.known.get(name)
    if (!definition) return undefined
    this.#path.push(name)
    const before = this.faults.length
    const tree = this.#linkNode(definition.tree)
    this.#path.pop()
    const isWhole = tree && this.faults.length === before
    if (isWhole && modelsOf(tree).length > maxModels)
      this.#report(definition.at, `has more than ${maxModels} models in "${name}"`, 'leave some out')
    const route = isWhole && modelsOf(tree).length <= maxModels ? { name, tree } : undefined
    this.#linked.set(name, route)
    return route
  }

  #linkNode(node: RouteNode): RouteNode | undefined {
    if (node.kind === 'model') return this.#linkName(node)
    const members = node.members.map((member) => this.#linkNode(member))
    const whole = members.filter((member) => member !== undefined)
    return whole.length === members.length ? flatten({ ...node, members: whole }) : undefined
  }

  #linkName(node: ModelNode): RouteNode | undefined {
    const { name, at = 0 } = node
    // a route with the address of a model may name the model itself
    const isItself = this.#path.at(-1) === name && this.#options.isAddress(name)
    if (isItself || !this.known.has(name)) {
      const fault = this.#options.faultOf(name)
      if (fault) this.#report(at, fault.problem, fault.remedy)
      return fault ? undefined : node
    }
    if (this.#path.includes(name)) {
      const circle = [...this.#path.slice(this.#path.indexOf(name)), name].join(' → ')
      this.#report(at, `goes in a circle: ${circle}`, 'name a model, as upstream/model')
      return undefined
    }
    const route = this.link(name)
    return route && placed(route, node)
  }

  #report(at: number, problem: string, remedy: string): void {
    this.faults.push({ at, problem, remedy })
  }
}

/** A route in the place where another one names it. Its own options win over those around the name. */
function placed({ name, tree }: Route, { weight, settings: outer }: ModelNode): RouteNode {
  const settings = settingsWithin(outer, tree.settings)
  return { ...tree, route: name, ...(settings && { settings }), ...(weight !== undefined && { weight }) }
}

/** The members of a panel in a panel are members of the whole one. */
function flatten(node: GroupNode): GroupNode {
  if (node.kind !== 'panel') return node
  return { ...node, members: node.members.flatMap((one) => (one.kind === 'panel' ? membersOf(one) : [one])) }
}

function membersOf({ members, settings: outer }: GroupNode): readonly RouteNode[] {
  return members.map((member) => {
    const settings = settingsWithin(outer, member.settings)
    return settings ? { ...member, settings } : member
  })
}
