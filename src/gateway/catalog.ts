import type { Pool } from '../accounts/pool.ts'
import { withAccount } from '../accounts/with-account.ts'
import { asChatError, type ChatError } from '../chat/error.ts'
import type { Model } from '../chat/model.ts'
import type { Logger } from '../flow/call.ts'
import { type Cancel, CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { within } from '../flow/wait.ts'
import type { Upstream } from '../providers/provider.ts'
import { type CatalogEntry, indexById, isDue, newEntry, pauseAfter, retryMs } from './catalog-entry.ts'
import { type FailureStreak, streakAfter } from './health/failure-streak.ts'
import { type Candidate, KnownModels, type ListedModel, type Member, toListed } from './known-models.ts'
import { hasPanel, modelsOf, type Route } from './routes/route-tree.ts'

/** What is known about an upstream's models. */
export interface ModelsStatus {
  readonly count: number
  /** False until its list has been received once. */
  readonly isKnown: boolean
  /** Whether the list is fixed, so that the upstream is never asked for it. */
  readonly isFixed: boolean
  /** Milliseconds since the list was received; undefined if it is fixed or not known. */
  readonly ageMs: number | undefined
  /** The failures since its list was last received. */
  readonly trouble: FailureStreak | undefined
}

const freshMs = 10 * 60_000
/** How long a request waits for an upstream's first list. */
const firstListMs = 5_000

export interface CatalogOptions {
  readonly log: Logger
  readonly runtime: Runtime
  readonly routes?: readonly Route[]
  /** The models of other names. */
  readonly aliases?: ReadonlyMap<string, string>
}

/** The models of all upstreams. It refreshes each list in the background, and uses the old list meanwhile. */
export class Catalog<Served extends Member = Member> {
  readonly upstreamNames: ReadonlySet<string>
  readonly #entries: ReadonlyMap<string, CatalogEntry<Served>>
  readonly #log: Logger
  readonly #routes: ReadonlyMap<string, ListedModel>
  readonly #aliases: ReadonlyMap<string, string>
  readonly #runtime: Runtime
  readonly #closing: CancelSource
  /** Undefined after a list has changed, until it is needed. */
  #knownModels: KnownModels<Served> | undefined
  /** No list is due before this time, by the clock that only goes forward. */
  #dueAt = 0

  constructor(members: readonly Served[], { log, runtime, routes = [], aliases = new Map() }: CatalogOptions) {
    this.#log = log
    this.#runtime = runtime
    this.#closing = new CancelSource(runtime)
    this.#aliases = aliases
    this.#routes = new Map(routes.map((route) => [route.name, listedRoute(route)]))
    this.#entries = new Map(members.map((member) => [member.upstream.name, newEntry(member)]))
    this.upstreamNames = new Set(this.#entries.keys())
  }

  /**
   * Returns every known model: first the routes, then the models of the upstreams in their order, then the aliases. It is the
   * same array until an upstream's list is received again.
   */
  async list(signal: Cancel): Promise<readonly ListedModel[]> {
    await this.#refreshAll(signal)
    return this.#known().models
  }

  /** Returns every model that is known at the moment, in the same order. It makes no request. */
  knownNow(): readonly ListedModel[] {
    return this.#known().models
  }

  /** Whether a list, a route or an alias has this full or bare name at the moment. It makes no request. */
  isKnown(address: string): boolean {
    if (this.#aliases.has(address) || this.#routes.has(address)) return true
    const { entry, model } = this.#split(address)
    return entry?.byId.has(model) === true || this.#known().servedAs(address).length > 0
  }

  /** Returns the upstreams whose lists have never been received. */
  missing(): readonly string[] {
    return [...this.#entries.values()].filter(({ isKnown }) => !isKnown).map(({ member }) => member.upstream.name)
  }

  /** Returns what is known about an upstream's models. It makes no request. */
  status(upstream: string): ModelsStatus {
    const { models = [], isKnown = false, isFixed = false, listedAt, trouble } = this.#entries.get(upstream) ?? {}
    const ageMs = listedAt === undefined ? undefined : this.#runtime.elapsed() - listedAt
    return { count: models.length, isKnown, isFixed, ageMs, trouble }
  }

  /** Returns the model with this full or bare name, or with this alias. */
  async find(address: string, signal: Cancel): Promise<ListedModel | undefined> {
    await this.#refreshAll(signal)
    if (this.#aliases.has(address)) return this.#known().models.findLast(({ id }) => id === address)
    return this.#routes.get(address) ?? this.#findAddressed(address) ?? this.#findBare(address)
  }

  /**
   * Finds the upstreams that can answer for an address. An alias stands for its model. They are the upstream that the address names, or else all
   * upstreams that list a model with this bare name. If no list has it, they are all upstreams whose lists are unknown.
   * @returns a promise only if it has to wait for a list
   */
  route(address: string, signal: Cancel): readonly Candidate<Served>[] | Promise<readonly Candidate<Served>[]> {
    return this.routeNow(address) ?? this.#refreshAll(signal).then(() => this.#routeBare(this.resolve(address)))
  }

  /** Like `route`, but returns undefined if it would have to wait for a list. */
  routeNow(name: string): readonly Candidate<Served>[] | undefined {
    const address = this.resolve(name)
    const { entry, model } = this.#split(address)
    if (entry) {
      // the request does not wait for this list, which only later requests need
      if (!entry.isKnown && isDue(entry, this.#runtime.elapsed())) void this.#refresh(entry)
      if (!entry.isFixed || entry.byId.has(model)) return [{ member: entry.member, model }]
    }
    return this.#refreshDue() ? undefined : this.#routeBare(address)
  }

  /**
   * Whether a caller may use an address: all models that can answer for it, or the own model of the gateway that it names.
   * @returns a promise only if it has to wait for a list
   */
  allows(address: string, mayUse: (model: string) => boolean, signal: Cancel): boolean | Promise<boolean> {
    if (this.#routes.has(address)) return mayUse(address)
    if (this.#aliases.has(address) && mayUse(address)) return true
    const areAllowed = (candidates: readonly Candidate<Served>[]) =>
      candidates.every(({ member, model }) => mayUse(`${member.upstream.name}/${model}`))
    const candidates = this.route(address, signal)
    return candidates instanceof Promise ? candidates.then(areAllowed) : areAllowed(candidates)
  }

  /** The model of a candidate. If its upstream has not listed it, only its name is known. */
  modelOf({ member, model }: Candidate): Model {
    return this.#entries.get(member.upstream.name)?.byId.get(model) ?? { id: model }
  }

  /** Asks an upstream for its list again if that has failed, because the upstream has answered something else. */
  noteReached(upstream: string): void {
    const entry = this.#entries.get(upstream)
    if (entry?.trouble) void this.#refresh(entry)
  }

  /** Stops the requests in the background. */
  close(): void {
    this.#closing.abort(new Error('closed'))
  }

  #known(): KnownModels<Served> {
    this.#knownModels ??= new KnownModels({
      routes: [...this.#routes.values()],
      lists: [...this.#entries.values()],
      aliases: this.#aliases,
    })
    return this.#knownModels
  }

  /** Returns the model that an alias stands for; every other name as it is. */
  resolve(name: string): string {
    return this.#aliases.get(name) ?? name
  }

  #split(address: string): { readonly entry: CatalogEntry<Served> | undefined; readonly model: string } {
    const slash = address.indexOf('/')
    const entry = slash > 0 ? this.#entries.get(address.slice(0, slash)) : undefined
    return { entry, model: address.slice(slash + 1) }
  }

  #findAddressed(address: string): ListedModel | undefined {
    const { entry, model: id } = this.#split(address)
    const model = entry?.byId.get(id)
    return entry && model && toListed(entry.member, model)
  }

  #findBare(name: string): ListedModel | undefined {
    const [first] = this.#known().servedAs(name)
    return first && toListed(first.member, this.modelOf(first))
  }

  #routeBare(model: string): readonly Candidate<Served>[] {
    const serving = this.#known().servedAs(model)
    if (serving.length > 0) return serving
    const unknown = [...this.#entries.values()].filter(({ isKnown }) => !isKnown)
    return unknown.map(({ member }) => ({ member, model }))
  }

  async #refreshAll(signal: Cancel): Promise<void> {
    const waits = this.#refreshDue()
    if (waits) await within(Promise.all(waits), firstListMs, signal)
  }

  /** Requests the lists that are due. @returns those that have to be waited for; undefined if there are none */
  #refreshDue(): readonly Promise<void>[] | undefined {
    const now = this.#runtime.elapsed()
    if (now < this.#dueAt) return undefined
    const waits: Promise<void>[] = []
    let dueAt = Number.POSITIVE_INFINITY
    for (const entry of this.#entries.values()) {
      // until the list has been received, this time stays in the past
      dueAt = Math.min(dueAt, entry.refreshAt)
      if (!isDue(entry, now)) continue
      const refreshed = this.#refresh(entry)
      if (!entry.isKnown) waits.push(refreshed)
    }
    this.#dueAt = dueAt
    return waits.length > 0 ? waits : undefined
  }

  #refresh(entry: CatalogEntry): Promise<void> {
    entry.refreshing ??= this.#ask(entry).finally(() => {
      entry.refreshing = undefined
    })
    return entry.refreshing
  }

  async #ask(entry: CatalogEntry): Promise<void> {
    const { upstream, pool } = entry.member
    const begunAt = this.#runtime.elapsed()
    try {
      entry.models = await this.#requestList(upstream, pool)
      entry.byId = indexById(entry.models)
      entry.isKnown = true
      entry.trouble = undefined
      this.#knownModels = undefined
      entry.listedAt = this.#runtime.elapsed()
      entry.refreshAt = this.#runtime.elapsed() + freshMs
    } catch (thrown) {
      const error = asChatError(thrown)
      const now = this.#runtime.elapsed()
      entry.refreshAt = now + pauseAfter(error, now - begunAt)
      if (this.#closing.aborted) return
      entry.trouble = streakAfter(entry.trouble, error, this.#runtime.now())
      this.#logFailure(entry, error)
    }
  }

  /** Logs at `warn` at most once in `retryMs`, because an upstream that is down may be asked with each request. */
  #logFailure(entry: CatalogEntry, err: ChatError): void {
    const now = this.#runtime.elapsed()
    const level = now - entry.warnedAt < retryMs ? 'debug' : 'warn'
    if (level === 'warn') entry.warnedAt = now
    this.#log[level]({ upstream: entry.member.upstream.name, err }, 'models could not be listed')
  }

  async #requestList(upstream: Upstream, pool: Pool): Promise<readonly Model[]> {
    const signal = this.#closing
    const live = await pool.pick({ tried: new Set() }, signal)
    return withAccount(live, signal, async (account) => {
      const toListed = await upstream.listModels?.(account, signal)
      if (toListed) live.markServed(account.credential)
      return toListed ?? []
    })
  }
}

function listedRoute({ name, tree }: Route): ListedModel {
  const members = modelsOf(tree).map((model) => model.name)
  return { id: name, upstream: 'tributary', model: { id: name }, members, isPanel: hasPanel(tree) }
}
