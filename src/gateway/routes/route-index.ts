import type { Cancel } from '../../flow/cancel.ts'
import type { Catalog } from '../catalog.ts'
import type { Candidate } from '../known-models.ts'
import type { UpstreamParts } from '../upstream-parts.ts'
import { modelsOf, type Route, type RouteNode } from './route-tree.ts'

/** Finds the candidates of a member of a route. */
export type FindCandidates = (name: string) => readonly Candidate<UpstreamParts>[]

/** The routes, and the candidates of their members. A model without a route is a route of its own. */
export class RouteIndex {
  readonly #trees: ReadonlyMap<string, RouteNode>
  readonly #catalog: Catalog<UpstreamParts>

  constructor(routes: readonly Route[], catalog: Catalog<UpstreamParts>) {
    this.#trees = new Map(routes.map(({ name, tree }) => [name, tree]))
    this.#catalog = catalog
  }

  /** Returns the route of this name, if there is one. */
  find(name: string): RouteNode | undefined {
    return this.#trees.get(name)
  }

  /** Finds the candidates of all members; undefined if a list has to be waited for. */
  candidatesNow(tree: RouteNode): FindCandidates | undefined {
    const found = new Map<string, readonly Candidate<UpstreamParts>[]>()
    for (const { name } of modelsOf(tree)) {
      const candidates = this.#catalog.routeNow(name)
      if (!candidates) return undefined
      found.set(name, candidates)
    }
    return (name) => found.get(name) ?? []
  }

  /** Finds the candidates of all members. */
  async candidates(tree: RouteNode, signal: Cancel): Promise<FindCandidates> {
    const names = modelsOf(tree).map(({ name }) => name)
    const found = await Promise.all(names.map(async (name) => [name, await this.#catalog.route(name, signal)] as const))
    const byName = new Map(found)
    return (name) => byName.get(name) ?? []
  }

  /** Returns every candidate that may answer for a model or a route. */
  async servedBy(model: string, signal: Cancel): Promise<readonly Candidate<UpstreamParts>[]> {
    const tree = this.find(model) ?? { kind: 'model', name: model }
    const find = await this.candidates(tree, signal)
    return modelsOf(tree).flatMap(({ name }) => find(name))
  }
}
