import { FailureRate } from './failure-rate.ts'

/** So many failures in a row, with no success between them, show that it cannot answer. */
const maxFailures = 5
/** Milliseconds of the first ejection. Each further one is longer by as many. */
const ejectMs = 30_000
/** The ejections after which they get no longer: 300 s. */
const maxEjections = 10
/** An ejection is shorter by up to this share, so that several do not end at the same moment. */
const jitter = 0.1
/** Milliseconds in which what has just failed is asked after all others. */
const mistrustMs = 10_000

/** How gladly something is asked. `mistrusted`: after all that is good. `open`: not at all, because it is ejected. */
export type Standing = 'good' | 'mistrusted' | 'open'

/** The one request that tries whether an ejected upstream or model answers again. */
export interface Probe {
  /** Ends the ejection at the first event. @returns false if it was over already */
  noteBegun(now: number): boolean
  /** Call it at the end. If the probe has shown neither a success nor a failure, the next request is the probe. */
  release(): void
}

interface Ejection {
  readonly until: number
  /** The first request from this time on is the probe. It is before `until` if there is a hint that it answers again. */
  probeFrom: number
  isProbing: boolean
}

/**
 * Decides whether an upstream, or a model of it, is asked. It is ejected after five failures in a row. When the ejection
 * ends, one request is its probe. If the probe shows its first event, all requests pass again, but until one of them
 * succeeds, a single failure ejects it again. If the probe fails, the next ejection is longer. All times are
 * milliseconds of a clock that only goes forward.
 * @see docs/decisions/0071-breaker.md
 */
export class Breaker {
  readonly #rate = new FailureRate()
  #failures = 0
  #failedAt = Number.NEGATIVE_INFINITY
  /** The ejections that count for the length of the next one. */
  #ejections = 0
  #ejection: Ejection | undefined
  /** When the last ejection ended. */
  #closedAt = 0

  get isEjected(): boolean {
    return this.#ejection !== undefined
  }

  get isProbing(): boolean {
    return this.#ejection?.isProbing === true
  }

  /** Whether the ejection has not reached its end, even if an early probe may pass. */
  lasts(now: number): boolean {
    return this.#ejection !== undefined && now < this.#ejection.until
  }

  /** When an ejection is over, it is `good`: only a request can end it. */
  standing(now: number): Standing {
    const ejection = this.#ejection
    if (ejection) return ejection.isProbing || now < ejection.probeFrom ? 'open' : 'good'
    const hasJustFailed = this.#failures > 0 && now < this.#failedAt + mistrustMs
    return hasJustFailed || this.#rate.isHigh(now) ? 'mistrusted' : 'good'
  }

  /** Milliseconds until it may be probed; 0 if it is not ejected, or is probed at the moment. */
  ejectedForMs(now: number): number {
    return this.#ejection ? Math.max(0, this.#ejection.probeFrom - now) : 0
  }

  /** @returns undefined if it is not ejected, if another request is its probe, or if it is too early for one */
  takeProbe(now: number): Probe | undefined {
    const ejection = this.#ejection
    if (!ejection || ejection.isProbing || now < ejection.probeFrom) return undefined
    ejection.isProbing = true
    return {
      noteBegun: (begunAt) => {
        const isCurrent = this.#ejection === ejection
        if (isCurrent) this.close(begunAt)
        return isCurrent
      },
      release: () => {
        ejection.isProbing = false
      },
    }
  }

  /** Ends the ejection, because it answers again. Until a request succeeds, a single failure ejects it again. */
  close(now: number): void {
    if (!this.#ejection) return
    this.#ejection = undefined
    this.#closedAt = now
    this.#failures = maxFailures - 1
    this.#failedAt = Number.NEGATIVE_INFINITY
  }

  /** Lets the next request be the probe. If that one fails, the ejection goes on until its end. */
  probeEarly(now: number): void {
    if (this.#ejection) this.#ejection.probeFrom = Math.min(this.#ejection.probeFrom, now)
  }

  noteSuccess(now: number): void {
    this.#rate.note('answered', now)
    this.close(now)
    this.#failures = 0
  }

  /**
   * Notes a failure. It must be of a request that was sent after the last ejection.
   * @param random from 0 up to, but not including, 1
   * @returns whether a new ejection begins
   */
  noteFailure(now: number, random: number): boolean {
    const ejection = this.#ejection
    if (ejection && !ejection.isProbing) return false
    this.#rate.note('failed', now)
    this.#failures++
    this.#failedAt = now
    if (ejection && now < ejection.until) {
      this.#ejection = { until: ejection.until, probeFrom: ejection.until, isProbing: false }
      return false
    }
    if (this.#failures < maxFailures) return false
    this.eject(now, random)
    return true
  }

  /** Ejects it for longer than before, unless that is long ago. */
  eject(now: number, random: number): void {
    const closedForMs = this.#ejection ? 0 : now - this.#closedAt
    const earlier = Math.max(0, this.#ejections - Math.floor(closedForMs / ejectMs))
    this.#ejections = Math.min(earlier + 1, maxEjections)
    const until = now + ejectMs * this.#ejections * (1 - jitter * random)
    this.#ejection = { until, probeFrom: until, isProbing: false }
  }

  /** Whether it behaves like a new one. */
  isLikeNew(now: number): boolean {
    const isForgiven = now - this.#closedAt >= this.#ejections * ejectMs
    return !this.#ejection && this.#failures === 0 && isForgiven && this.#rate.isClean(now)
  }
}
