import { repeat } from '../flow/repeat.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { maxRecent } from '../gateway/requests/recent-requests.ts'
import type { ClientKeys } from '../keys/client-keys.ts'
import type { Limiter } from '../keys/limiter.ts'
import type { Store } from '../state/store.ts'
import type { ToolRegistry } from '../tools/tool.ts'
import { findNeeds } from './find-needs.ts'
import { LastingNeeds } from './lasting-needs.ts'
import type { ConfigurationFacts, LastReload, Look } from './look.ts'
import type { Need } from './need.ts'

/** The parts of the program whose state is looked at. None of them makes a request because of it. */
export interface NeedSources {
  /** The gateway of the current configuration. */
  gateway(): Pick<Gateway, 'inspect' | 'shortage' | 'requests'>
  readonly configuration: {
    facts(): ConfigurationFacts
    /** What the last reload found wrong; undefined if there was none. */
    readonly lastReload: LastReload | undefined
  }
  readonly tools: Pick<ToolRegistry, 'servers'>
  readonly store: Pick<Store, 'problem'>
  readonly clientKeys: Pick<ClientKeys, 'callers' | 'expired'>
  readonly limiter: Pick<Limiter, 'spentBy'>
  /** The lines of the log that were dropped so far. */
  droppedLines(): number
  readonly runtime: Pick<Runtime, 'now' | 'elapsed' | 'timers' | 'network'>
}

/** Milliseconds between two looks while nobody asks, so that it is known since when something lasts. */
const lookMs = 15_000
/** Milliseconds for which dropped lines of the log are a need. */
const droppedMs = 3_600_000

/** Knows what needs somebody now (docs/decisions/0095-needs.md). */
export class Needs {
  readonly #sources: NeedSources
  readonly #lasting = new LastingNeeds()
  readonly #stop: () => void
  #dropped = { seen: 0, count: 0, at: Number.NEGATIVE_INFINITY }

  constructor(sources: NeedSources) {
    this.#sources = sources
    this.#stop = repeat(sources.runtime.timers, lookMs, () => void this.list())
  }

  /** Looks at everything now. @returns the worst first */
  list(): readonly Need[] {
    const look = this.#look()
    return this.#lasting.note(findNeeds(look), look.now)
  }

  close(): void {
    this.#stop()
  }

  #look(): Look {
    const { runtime, tools, store, clientKeys, limiter, configuration, ...sources } = this.#sources
    const now = runtime.now()
    const gateway = sources.gateway()
    const settings = configuration.facts()
    const { lastReload: reload } = configuration
    return {
      now,
      gateway: gateway.inspect(),
      shortage: gateway.shortage(),
      requests: gateway.requests.list({ limit: maxRecent }),
      toolServers: tools.servers(),
      storeProblem: store.problem(),
      budgets: clientKeys.callers().flatMap((caller) => {
        const use = limiter.spentBy(caller)
        return use ? [{ ...use, key: caller.name }] : []
      }),
      expiredKeys: clientKeys.expired(),
      clockOffset: runtime.network.clocks.offset(now - runtime.elapsed()),
      settings: { ...settings, isOpenToEveryone: settings.isOpenToEveryone && clientKeys.callers().length === 0 },
      failedReload: reload && reload.problems.length > 0 ? reload : undefined,
      droppedLines: this.#droppedLines(now),
    }
  }

  #droppedLines(now: number): Look['droppedLines'] {
    const dropped = this.#sources.droppedLines()
    const { seen, count, at } = this.#dropped
    const isOver = now - at >= droppedMs
    if (dropped > seen) this.#dropped = { seen: dropped, count: dropped - seen + (isOver ? 0 : count), at: now }
    return now - this.#dropped.at < droppedMs ? { count: this.#dropped.count, at: this.#dropped.at } : undefined
  }
}
