import type { Pool } from '../accounts/pool.ts'
import type { Model, Support } from '../chat/model.ts'
import type { Upstream } from '../providers/provider.ts'
import type { EmulationFacts } from './emulation-facts.ts'

/** An upstream and its accounts. */
export interface Member {
  readonly upstream: Upstream
  readonly pool: Pool
  readonly emulation?: EmulationFacts
}

/** A model with its address: `upstream/model`. */
export interface ListedModel {
  readonly id: string
  readonly upstream: string
  readonly model: Model
  /** The parameters that it supports; absent for a route, whose members differ. */
  readonly support?: Support
  /** Whether tools and JSON formats are emulated if it has none. */
  readonly isEmulated?: boolean
  /** The members of a route. */
  readonly members?: readonly string[]
  /** For a route, whether several of its members may answer together. */
  readonly isPanel?: boolean
  /** For another name of a model, the name that it stands for. */
  readonly aliasOf?: string
}

/** One upstream that can answer a request, and its name for the model. */
export interface Candidate<Served extends Member = Member> {
  readonly member: Served
  readonly model: string
}

/** The models of one upstream, in its order. */
export interface MemberModels<Served extends Member = Member> {
  readonly member: Served
  readonly models: readonly Model[]
}

interface ModelsAtOnce<Served extends Member> {
  readonly routes: readonly ListedModel[]
  readonly lists: readonly MemberModels<Served>[]
  readonly aliases: ReadonlyMap<string, string>
}

/** The models of all upstreams at one moment. What is asked of it is made once. */
export class KnownModels<Served extends Member = Member> {
  readonly #routes: readonly ListedModel[]
  readonly #lists: readonly MemberModels<Served>[]
  readonly #aliases: ReadonlyMap<string, string>
  #models: readonly ListedModel[] | undefined
  #byBareName: ReadonlyMap<string, readonly Candidate<Served>[]> | undefined

  constructor({ routes, lists, aliases }: ModelsAtOnce<Served>) {
    this.#routes = routes
    this.#lists = lists
    this.#aliases = aliases
  }

  /** First the routes, then the models of the upstreams in their order, then the aliases. Always the same array. */
  get models(): readonly ListedModel[] {
    this.#models ??= this.#list()
    return this.#models
  }

  #list(): readonly ListedModel[] {
    const served = this.#lists.flatMap(({ member, models }) => models.map((model) => toListed(member, model)))
    const byAddress = new Map(served.map((model) => [model.id, model]))
    const aliases = [...this.#aliases].map(([id, target]) => {
      const [first] = this.servedAs(target)
      const known = byAddress.get(first ? `${first.member.upstream.name}/${first.model}` : target)
      // an upstream may serve models that it does not list
      return { ...(known ?? { upstream: 'tributary', model: { id: target } }), id, aliasOf: target }
    })
    // an alias hides the model of its own name
    return [...this.#routes, ...served.filter(({ id }) => !this.#aliases.has(id)), ...aliases]
  }

  /** Every upstream that lists a model with this bare name. */
  servedAs(bareName: string): readonly Candidate<Served>[] {
    this.#byBareName ??= indexByName(this.#lists)
    return this.#byBareName.get(bareName) ?? []
  }
}

function indexByName<Served extends Member>(
  lists: readonly MemberModels<Served>[],
): ReadonlyMap<string, readonly Candidate<Served>[]> {
  const byName = new Map<string, Candidate<Served>[]>()
  for (const { member, models } of lists)
    for (const { id: model } of models) {
      const known = byName.get(model)
      if (!known) byName.set(model, [{ member, model }])
      else if (known.at(-1)?.member !== member) known.push({ member, model })
    }
  return byName
}

export function toListed({ upstream: { name, support }, emulation }: Member, model: Model): ListedModel {
  return { id: `${name}/${model.id}`, upstream: name, model, support, isEmulated: emulation?.isAllowed === true }
}
