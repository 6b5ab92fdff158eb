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

/** An upstream with the accounts it is asked with. */
export interface Member {
  readonly upstream: Upstream
  readonly pool: Pool
}

/** A model as it is addressed: `upstream/model`. */
export interface Listed {
  readonly id: string
  readonly upstream: string
  readonly model: Model
  /** What becomes of a client's parameters there; absent for a panel, where each member has its own. */
  readonly support?: Support
  /** The addresses of those that a panel asks. */
  readonly members?: readonly string[]
}

/** One upstream that can take a request, and what it calls the model. */
export interface Candidate<Served extends Member = Member> {
  readonly member: Served
  readonly model: string
}

/** What is known of an upstream's models. */
export interface ModelsStatus {
  readonly count: number
  /** False for as long as its list was never had. */
  readonly isKnown: boolean
  /** Whether the list is fixed, so that the upstream is never asked for it. */
  readonly isFixed: boolean
  /** Milliseconds since the list was had; undefined where it is fixed or not known. */
  readonly ageMs: number | undefined
}

interface Shelf<Served extends Member = Member> {
  readonly member: Served
  models: readonly Model[]
  /** A fixed list is all there is; otherwise an upstream may serve what it did not list. */
  readonly isFixed: boolean
  isKnown: boolean
  refreshAt: number
  /** When the list was had, by the clock that only goes forward. */
  listedAt: number | undefined
  refreshing: Promise<void> | undefined
  /** When a failure was last told, by the clock that only goes forward. */
  warnedAt: number
}

const freshMs = 10 * 60_000
const retryMs = 30_000
/** A failure that is known so soon costs whoever waits for it nothing. */
const quickMs = 250
/** What a request waits for a list that has never been seen. */
const firstListMs = 5_000

export interface CatalogOptions {
  readonly log: Logger
  readonly runtime: Runtime
  readonly panels?: readonly Panel[]
}

/** Which models there are, and who serves them. Lists are asked for in the background; a stale one serves meanwhile. */
export class Catalog<Served extends Member = Member> {
  readonly #shelves: ReadonlyMap<string, Shelf<Served>>
  readonly #log: Logger
  readonly #panels: readonly Listed[]
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
    this.#shelves = new Map(members.map((member) => [member.upstream.name, shelve(member)]))
  }

  /** Every known model: the panels, then those of the upstreams in their order. */
  async list(signal: Cancel): Promise<readonly Listed[]> {
    await this.#refreshAll(signal)
    const served = [...this.#shelves.values()].flatMap(({ member, models }) =>
      models.map((model) => listed(member.upstream, model)),
    )
    return [...this.#panels, ...served]
  }

  /** The upstreams whose models are not known: none of their lists could be had so far. */
  missing(): readonly string[] {
    return [...this.#shelves.values()].filter(({ isKnown }) => !isKnown).map(({ member }) => member.upstream.name)
  }

  /** What is known of an upstream's models. Asks nothing. */
  status(upstream: string): ModelsStatus {
    const { models = [], isKnown = false, isFixed = false, listedAt } = this.#shelves.get(upstream) ?? {}
    const ageMs = listedAt === undefined ? undefined : this.#runtime.elapsed() - listedAt
    return { count: models.length, isKnown, isFixed, ageMs }
  }

  /** The model of this address, full or bare. */
  async find(address: string, signal: Cancel): Promise<Listed | undefined> {
    const models = await this.list(signal)
    return models.find(({ id }) => id === address) ?? models.find(({ model }) => model.id === address)
  }

  /**
   * Who can answer for an address: the one upstream it names, or all that list a model of the bare name, or failing
   * that every upstream whose list could not be had.
   */
  async route(address: string, signal: Cancel): Promise<readonly Candidate<Served>[]> {
    const slash = address.indexOf('/')
    const named = slash > 0 ? this.#shelves.get(address.slice(0, slash)) : undefined
    if (named) {
      // it need not be waited for, but if it has come back its models are to be seen
      if (!named.isKnown && isDue(named, this.#runtime.elapsed())) void this.#refresh(named)
      const model = address.slice(slash + 1)
      if (!named.isFixed || named.models.some(({ id }) => id === model)) return [{ member: named.member, model }]
    }
    await this.#refreshAll(signal)
    const shelves = [...this.#shelves.values()]
    const listing = shelves.filter(({ models }) => models.some(({ id }) => id === address))
    const able = listing.length > 0 ? listing : shelves.filter(({ isKnown }) => !isKnown)
    return able.map(({ member }) => ({ member, model: address }))
  }

  /** What is known of a candidate's model; its name alone where its upstream has not listed it. */
  modelOf({ member, model }: Candidate): Model {
    const shelf = this.#shelves.get(member.upstream.name)
    return shelf?.models.find(({ id }) => id === model) ?? { id: model }
  }

  /** Stops what goes on in the background. */
  close(): void {
    this.#closing.abort(new Error('closed'))
  }

  async #refreshAll(signal: Cancel): Promise<void> {
    const waits: Promise<void>[] = []
    for (const shelf of this.#shelves.values()) {
      if (!isDue(shelf, this.#runtime.elapsed()) && !(shelf.refreshing && !shelf.isKnown)) continue
      const refreshed = this.#refresh(shelf)
      if (!shelf.isKnown) waits.push(refreshed)
    }
    if (waits.length > 0) await within(Promise.all(waits), firstListMs, signal)
  }

  #refresh(shelf: Shelf): Promise<void> {
    shelf.refreshing ??= this.#ask(shelf).finally(() => {
      shelf.refreshing = undefined
    })
    return shelf.refreshing
  }

  async #ask(shelf: Shelf): Promise<void> {
    const { upstream, pool } = shelf.member
    const begunAt = this.#runtime.elapsed()
    try {
      shelf.models = await this.#listed(upstream, pool)
      shelf.isKnown = true
      shelf.listedAt = this.#runtime.elapsed()
      shelf.refreshAt = this.#runtime.elapsed() + freshMs
    } catch (thrown) {
      const error = asChatError(thrown)
      const now = this.#runtime.elapsed()
      shelf.refreshAt = now + pauseAfter(error, now - begunAt)
      if (!this.#closing.aborted) this.#tell(shelf, error)
    }
  }

  /** Once in a while at `warn`: one that is down may be asked with each request. */
  #tell(shelf: Shelf, err: ChatError): void {
    const now = this.#runtime.elapsed()
    const level = now - shelf.warnedAt < retryMs ? 'debug' : 'warn'
    if (level === 'warn') shelf.warnedAt = now
    this.#log[level]({ upstream: shelf.member.upstream.name, err }, 'models could not be listed')
  }

  async #listed(upstream: Upstream, pool: Pool): Promise<readonly Model[]> {
    const signal = this.#closing
    const live = await pool.pick({ tried: new Set() }, signal)
    return withAccount(live, signal, async (account) => {
      const listed = await upstream.listModels?.(account, signal)
      if (listed) live.markServed(account.credential)
      return listed ?? []
    })
  }
}

function isDue({ refreshAt }: Shelf, now: number): boolean {
  return now >= refreshAt
}

/**
 * Milliseconds until a list is asked for again. One that is down is asked as soon as somebody wants it, as long as that is
 * quickly known to be in vain; who refuses, or answers something else, is left alone for a while.
 */
function pauseAfter({ meaning, code, upstreamStatus = 500 }: ChatError, tookMs: number): number {
  const isDown = meaning.breaker && upstreamStatus >= 500 && code !== 'upstream_bad_response'
  if (!isDown) return retryMs
  return tookMs <= quickMs ? 0 : Math.min(6 * tookMs, retryMs)
}

function shelve<Served extends Member>(member: Served): Shelf<Served> {
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

function listed({ name, support }: Upstream, model: Model): Listed {
  return { id: `${name}/${model.id}`, upstream: name, model, support }
}
