import type { ChatError } from '../../chat/error.ts'
import { excerpt } from '../../chat/secret.ts'
import type { Logger } from '../../flow/call.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { Breaker, type Probe, type Standing } from './breaker.ts'
import { type FailureStreak, streakAfter } from './failure-streak.ts'

/** Limit for the models of one upstream whose failures are remembered. */
const maxModels = 256

/** Codes of failures that concern no model, because no server was reached. */
const unreachableCodes: ReadonlySet<string> = new Set(['upstream_unreachable', 'upstream_connect_timeout'])

/** Codes of failures of the model itself, in a reply that was understood. */
const modelCodes: ReadonlySet<string> = new Set(['tool_call_missing', 'tool_call_broken', 'invalid_json_answer'])

export interface HealthOptions {
  /** Its lines name the upstream. */
  readonly log: Logger
  readonly runtime: Pick<Runtime, 'elapsed' | 'now' | 'random'>
}

/** What the operator sees of a breaker. */
export interface BreakerStatus {
  readonly state: 'good' | 'mistrusted' | 'ejected'
  /** Milliseconds until a request may try it again; 0 if it is not ejected, or is tried at the moment. */
  readonly ejectedForMs: number
}

export interface HealthStatus extends BreakerStatus {
  /** The models that are not good. */
  readonly models: readonly (BreakerStatus & { readonly model: string; readonly trouble: FailureStreak | undefined })[]
  /** The failures since its last success. */
  readonly trouble: FailureStreak | undefined
  /** Its replies in a row that could not be understood. They do not count as failures, because it has answered. */
  readonly outdated: FailureStreak | undefined
  /** Whether its last failures show that no server was reached. */
  readonly isUnreachable: boolean
}

/** A breaker with the number of the upstream's ejections at its own last one. */
interface NumberedBreaker {
  readonly breaker: Breaker
  ejectedAs: number
  trouble: FailureStreak | undefined
}

/**
 * Decides whether an upstream and each model of it is asked. A failure counts for the model. The upstream as a whole is
 * ejected only if it cannot be reached, or if two of its models have been ejected with no success between them.
 */
export class UpstreamHealth {
  readonly #options: HealthOptions
  readonly #whole = newBreaker()
  /** Only a model that has failed has a breaker. */
  readonly #models = new Map<string, NumberedBreaker>()
  /** The models that have been ejected since the last success. */
  readonly #ejectedInARow = new Set<string>()
  #isUnreachable = false
  #isTroubled = false
  #outdated: FailureStreak | undefined
  #ejections = 0
  /** Called when the upstream, or a model of it, has been ejected. */
  onEjected: () => void = () => undefined

  constructor(options: HealthOptions) {
    this.#options = options
  }

  /** Number of ejections so far. A request that began at a lower number was sent before the last ejection. */
  get ejections(): number {
    return this.#ejections
  }

  /** Whether a sign of life would be of use: an ejection lasts, or the whole upstream waits for its probe. */
  get needsSign(): boolean {
    const now = this.#now()
    return this.#whole.breaker.isEjected || this.#models.values().some(({ breaker }) => breaker.lasts(now))
  }

  standing(model: string): Standing {
    if (!this.#isTroubled) return 'good'
    const now = this.#now()
    const standings = this.#breakersOf(model).map(({ breaker }) => breaker.standing(now))
    return standings.find((one) => one === 'open') ?? standings.find((one) => one === 'mistrusted') ?? 'good'
  }

  /** Whether a request for the model would be a probe. */
  needsProbe(model: string): boolean {
    return this.#isTroubled && this.#breakersOf(model).some(({ breaker }) => breaker.isEjected)
  }

  /** Milliseconds until a request may try an ejected model again; 0 if one does so at the moment. */
  ejectedForMs(model: string): number {
    const now = this.#now()
    return Math.max(...this.#breakersOf(model).map(({ breaker }) => breaker.ejectedForMs(now)))
  }

  /** @returns undefined if the model must not be asked; an empty list if it is not ejected */
  takeProbes(model: string): readonly Probe[] | undefined {
    if (this.standing(model) === 'open') return undefined
    const now = this.#now()
    return this.#breakersOf(model).flatMap(({ breaker }) => breaker.takeProbe(now) ?? [])
  }

  /** Notes the first event of a request that was a probe. */
  noteProbed(model: string, probes: readonly Probe[]): void {
    const now = this.#now()
    const closed = probes.filter((probe) => probe.noteBegun(now))
    if (closed.length > 0) this.#log.info({ model: excerpt(model, 200) }, 'an ejected upstream answers again')
  }

  /** @param begunAt the value of `ejections` when the request was sent */
  noteSuccess(model: string, begunAt: number): void {
    if (this.#outdated) this.#outdated = undefined
    if (!this.#isTroubled) return
    const now = this.#now()
    this.#ejectedInARow.clear()
    for (const numbered of this.#breakersOf(model)) {
      const { breaker, ejectedAs } = numbered
      numbered.trouble = undefined
      // an answer that began before the ejection is only a hint, because the upstream may have failed since
      if (begunAt < ejectedAs) breaker.probeEarly(now)
      else breaker.noteSuccess(now)
    }
    this.#forget(now)
  }

  /** @param begunAt the value of `ejections` when the request was sent */
  noteFailure(model: string, error: ChatError, begunAt: number): void {
    this.#isTroubled = true
    const isUnreachable = unreachableCodes.has(error.ownCode)
    this.#noteTrouble(isUnreachable ? [this.#whole] : [this.#whole, this.#numberedOf(model)], error)
    // the probe of the whole upstream has failed, whatever the reason
    const isOfWhole = isUnreachable || this.#whole.breaker.isProbing
    if (!isUnreachable && this.#ejects(this.#numberedOf(model), begunAt)) this.#noteModelEjected(model, error)
    if (isOfWhole && this.#ejects(this.#whole, begunAt)) this.#noteWholeEjected(isUnreachable, error)
  }

  /** Notes a reply that could not be understood. The upstream is asked all the same. */
  noteOutdated(error: ChatError): void {
    if (modelCodes.has(error.ownCode)) return
    this.#outdated = streakAfter(this.#outdated, error, this.#options.runtime.now())
  }

  /**
   * Notes a sign of life that is no request of a client.
   * @param sign `answered`: a model has answered, or the list of models has come after it had failed too. `listed`: the list
   *   of models has come, which says little about the models
   */
  noteReached(sign: 'answered' | 'listed'): void {
    const now = this.#now()
    const isProof = (numbered: NumberedBreaker) =>
      sign === 'answered' || (numbered === this.#whole && this.#isUnreachable)
    const ejected = [this.#whole, ...this.#models.values()].filter(({ breaker }) => breaker.isEjected)
    for (const numbered of ejected) {
      if (isProof(numbered)) numbered.breaker.close(now)
      else numbered.breaker.probeEarly(now)
      if (isProof(numbered)) numbered.trouble = undefined
    }
    if (ejected.some(isProof)) this.#log.info({}, 'an ejected upstream can be reached again')
  }

  /** The current verdicts, for the operator. */
  status(): HealthStatus {
    const now = this.#now()
    const { breaker: whole, trouble } = this.#whole
    const models = [...this.#models].map(([model, { breaker, trouble }]) => ({
      model,
      trouble,
      ...statusOf(breaker, now),
    }))
    return {
      ...statusOf(whole, now),
      models: models.filter(({ state }) => state !== 'good'),
      trouble,
      outdated: this.#outdated,
      isUnreachable: trouble !== undefined && unreachableCodes.has(trouble.error.ownCode),
    }
  }

  get #log(): Logger {
    return this.#options.log
  }

  #noteTrouble(of: readonly NumberedBreaker[], error: ChatError): void {
    const now = this.#options.runtime.now()
    for (const numbered of of) numbered.trouble = streakAfter(numbered.trouble, error, now)
  }

  #now(): number {
    return this.#options.runtime.elapsed()
  }

  /** The breakers that a request for the model must pass. */
  #breakersOf(model: string): readonly NumberedBreaker[] {
    const known = this.#models.get(model)
    return known ? [this.#whole, known] : [this.#whole]
  }

  #numberedOf(model: string): NumberedBreaker {
    const known = this.#models.get(model)
    if (known) return known
    const [oldest] = this.#models.keys()
    if (oldest !== undefined && this.#models.size >= maxModels) this.#models.delete(oldest)
    const numbered = newBreaker()
    this.#models.set(model, numbered)
    return numbered
  }

  /** Counts a failure. @returns whether it ejects what it counts for */
  #ejects(numbered: NumberedBreaker, begunAt: number): boolean {
    // a failure from before the ejection has been counted by it
    if (begunAt < numbered.ejectedAs) return false
    if (!numbered.breaker.noteFailure(this.#now(), this.#options.runtime.random())) return false
    numbered.ejectedAs = ++this.#ejections
    return true
  }

  #noteModelEjected(model: string, err: ChatError): void {
    this.#log.warn({ model: excerpt(model, 200), err }, 'a model fails, and is not asked for some time')
    this.#ejectedInARow.add(model)
    if (this.#ejectedInARow.size === 1 || this.#whole.breaker.isEjected) this.onEjected()
    else {
      this.#whole.breaker.eject(this.#now(), this.#options.runtime.random())
      this.#whole.ejectedAs = ++this.#ejections
      this.#noteWholeEjected(false, err)
    }
  }

  #noteWholeEjected(isUnreachable: boolean, err: ChatError): void {
    this.#log.warn({ err }, 'an upstream fails, and is not asked for some time')
    this.#isUnreachable = isUnreachable
    this.#ejectedInARow.clear()
    this.onEjected()
  }

  /** Deletes the breakers that are like new. */
  #forget(now: number): void {
    for (const [model, { breaker }] of this.#models) if (breaker.isLikeNew(now)) this.#models.delete(model)
    this.#isTroubled = this.#models.size > 0 || !this.#whole.breaker.isLikeNew(now)
  }
}

function newBreaker(): NumberedBreaker {
  return { breaker: new Breaker(), ejectedAs: 0, trouble: undefined }
}

function statusOf(breaker: Breaker, now: number): BreakerStatus {
  const state = breaker.isEjected ? 'ejected' : breaker.standing(now)
  return { state: state === 'open' ? 'ejected' : state, ejectedForMs: breaker.ejectedForMs(now) }
}
