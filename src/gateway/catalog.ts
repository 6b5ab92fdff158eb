import type { Pool } from '../accounts/pool.ts'
import { withAccount } from '../accounts/with-account.ts'
import { asChatError, type ChatError } from '../chat/error.ts'
import type { Model, Support } from '../chat/model.ts'
import type { Logger } from '../flow/call.ts'
import { type Cancel, CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { within } from '../flow/wait.ts'
import type { Upstream } from '../providers/provider.ts'
import type { Panel } from './panel.ts'

/** An upstream and its accounts. */
export interface Member {
  readonly upstream: Upstream
  readonly pool: Pool
}

/** A model with its address: `upstream/model`. */
export interface ListedModel {
  readonly id: string
  readonly upstream: string
  readonly model: Model
  /** The parameters that it supports; absent for a panel, whose members differ. */
  readonly support?: Support
  /** The addresses of a panel's members. */
  readonly members?: readonly string[]
}

/** One upstream that can answer a request, and its name for the model. */
export interface Candidate<Served extends Member = Member> {
  readonly member: Served
  readonly model: string
}

/** What is known about an upstream's models. */
export interface ModelsStatus {
  readonly count: number
  /** False until its list has been received once. */
  readonly isKnown: boolean
  /** Whether the list is fixed, so that the upstream is never asked for it. */
  readonly isFixed: boolean
  /** Milliseconds since the list was received; undefined if it is fixed or not known. */
  readonly ageMs: number | undefined
}

interface CatalogEntry<Served extends Member = Member> {
  readonly member: Served
  models: readonly Model[]
  /** A fixed list is complete. Otherwise an upstream may serve models that it does not list. */
  readonly isFixed: boolean
  isKnown: boolean
  refreshAt: number
  /** The time at which the list was received, by the clock that only goes forward. */
  listedAt: number | undefined
  refreshing: Promise<void> | undefined
  /** The time of the last warning, by the clock that only goes forward. */
  warnedAt: number
}

const freshMs = 10 * 60_000
const retryMs = 30_000
/** A failure that comes within this time does not delay a request noticeably. */
const quickMs = 250
/** How long a request waits for an upstream's first list. */
const firstListMs = 5_000

export interface CatalogOptions {
  readonly log: Logger
  readonly runtime: Runtime
  readonly panels?: readonly Panel[]
}

/** The models of all upstreams. It refreshes each list in the background, and uses the old list meanwhile. */
export class Catalog<Served extends Member = Member> {
  readonly #entries: ReadonlyMap<string, CatalogEntry<Served>>
  readonly #log: Logger
  readonly #panels: readonly ListedModel[]
  readonly #runtime: Runtime
  readonly #closing: CancelSource

  constructor(members: readonly Served[], { log, runtime, panels = [] }: CatalogOptions) {
    this.#log = log
    this.#runtime = runtime
    this.#closing = new CancelSource(runtime)
    this.#panels = panels.map(({ name, members: asked }) => ({
      id: name,
      upstream: 'tributary',
      model: { id: name },
      members: asked.map(({ address }) => address),
    }))
    this.#entries = new Map(members.map((member) => [member.upstream.name, newEntry(member)]))
  }

  /** Returns every known model: first the panels, then the models of the upstreams in their order. */
  async list(signal: Cancel): Promise<readonly ListedModel[]> {
    await this.#refreshAll(signal)
    const served = [...this.#entries.values()].flatMap(({ member, models }) =>
      models.map((model) => toListed(member.upstream, model)),
    )
    return [...this.#panels, ...served]
  }

  /** Returns the upstreams whose lists have never been received. */
  missing(): readonly string[] {
    return [...this.#entries.values()].filter(({ isKnown }) => !isKnown).map(({ member }) => member.upstream.name)
  }

  /** Returns what is known about an upstream's models. It makes no request. */
  status(upstream: string): ModelsStatus {
    const { models = [], isKnown = false, isFixed = false, listedAt } = this.#entries.get(upstream) ?? {}
    const ageMs = listedAt === undefined ? undefined : this.#runtime.elapsed() - listedAt
    return { count: models.length, isKnown, isFixed, ageMs }
  }

  /** Returns the model with this full or bare name. */
  async find(address: string, signal: Cancel): Promise<ListedModel | undefined> {
    const models = await this.list(signal)
    return models.find(({ id }) => id === address) ?? models.find(({ model }) => model.id === address)
  }

  /**
   * Finds the upstreams that can answer for an address. They are the upstream that the address names, or else all
   * upstreams that list a model with this bare name. If no list has it, they are all upstreams whose lists are unknown.
   */
  async route(address: string, signal: Cancel): Promise<readonly Candidate<Served>[]> {
    const slash = address.indexOf('/')
    const entry = slash > 0 ? this.#entries.get(address.slice(0, slash)) : undefined
    if (entry) {
      // the request does not wait for this list, which only later requests need
      if (!entry.isKnown && isDue(entry, this.#runtime.elapsed())) void this.#refresh(entry)
      const model = address.slice(slash + 1)
      if (!entry.isFixed || entry.models.some(({ id }) => id === model)) return [{ member: entry.member, model }]
    }
    await this.#refreshAll(signal)
    const entries = [...this.#entries.values()]
    const listing = entries.filter(({ models }) => models.some(({ id }) => id === address))
    const able = listing.length > 0 ? listing : entries.filter(({ isKnown }) => !isKnown)
    return able.map(({ member }) => ({ member, model: address }))
  }

  /** The model of a candidate. If its upstream has not listed it, only its name is known. */
  modelOf({ member, model }: Candidate): Model {
    const entry = this.#entries.get(member.upstream.name)
    return entry?.models.find(({ id }) => id === model) ?? { id: model }
  }

  /** Stops the requests in the background. */
  close(): void {
    this.#closing.abort(new Error('closed'))
  }

  async #refreshAll(signal: Cancel): Promise<void> {
    const waits: Promise<void>[] = []
    for (const entry of this.#entries.values()) {
      if (!isDue(entry, this.#runtime.elapsed()) && !(entry.refreshing && !entry.isKnown)) continue
      const refreshed = this.#refresh(entry)
      if (!entry.isKnown) waits.push(refreshed)
    }
    if (waits.length > 0) await within(Promise.all(waits), firstListMs, signal)
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
      entry.isKnown = true
      entry.listedAt = this.#runtime.elapsed()
      entry.refreshAt = this.#runtime.elapsed() + freshMs
    } catch (thrown) {
      const error = asChatError(thrown)
      const now = this.#runtime.elapsed()
      entry.refreshAt = now + pauseAfter(error, now - begunAt)
      if (!this.#closing.aborted) this.#logFailure(entry, error)
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

function isDue({ refreshAt }: CatalogEntry, now: number): boolean {
  return now >= refreshAt
}

/**
 * Milliseconds until a list is requested again. If an upstream is down and fails quickly, it is asked again with the
 * next request. If it refuses, or sends an invalid list, it is asked again after `retryMs`.
 */
function pauseAfter({ meaning, code, upstreamStatus = 500 }: ChatError, tookMs: number): number {
  const isDown = meaning.breaker && upstreamStatus >= 500 && code !== 'upstream_bad_response'
  if (!isDown) return retryMs
  return tookMs <= quickMs ? 0 : Math.min(6 * tookMs, retryMs)
}

function newEntry<Served extends Member>(member: Served): CatalogEntry<Served> {
  const { models, listModels } = member.upstream
  const isFixed = models !== undefined || !listModels
  return {
    member,
    models: models ?? [],
    isFixed,
    isKnown: isFixed,
    refreshAt: isFixed ? Number.POSITIVE_INFINITY : 0,
    listedAt: undefined,
    refreshing: undefined,
    warnedAt: Number.NEGATIVE_INFINITY,
  }
}

function toListed({ name, support }: Upstream, model: Model): ListedModel {
  return { id: `${name}/${model.id}`, upstream: name, model, support }
}
