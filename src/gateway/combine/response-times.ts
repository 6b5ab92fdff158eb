import type { Candidate } from '../known-models.ts'
import { FirstEventTimes } from './first-event-times.ts'

/** Milliseconds in which what was measured loses most of its weight. */
const decayMs = 10_000
/** How many requests must pass a candidate by until its measure has decayed as much as in `decayMs`. */
const decayPasses = 10
/** Milliseconds that a failure counts for. */
const failureMs = 60_000
/** Limit for the candidates that are remembered. Clients may invent names of models. */
const most = 4_096

/** How long each candidate takes until its first event, and how many of its answers are being read. */
export class ResponseTimes {
  readonly #elapsed: () => number
  readonly #known = new Map<string, CandidateTimes>()

  /** @param elapsed milliseconds of a clock that only goes forward */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed
  }

  of({ member, model }: Candidate): CandidateTimes {
    const key = `${member.upstream.name}/${model}`
    const known = this.#known.get(key)
    if (known) return known
    if (this.#known.size >= most) this.#forgetOldest()
    const added = new CandidateTimes(this.#elapsed)
    this.#known.set(key, added)
    return added
  }

  #forgetOldest(): void {
    for (const [key] of this.#known) {
      this.#known.delete(key)
      return
    }
  }
}

/** A peak-sensitive moving average: a slow answer counts at once, and is forgotten in about ten seconds. */
export class CandidateTimes {
  readonly #elapsed: () => number
  #ms: number | undefined
  #measuredAt = 0
  /** How often another candidate was preferred since the last measure. */
  #passes = 0
  /** Its answers that are being read. */
  running = 0
  /** Only kept for a candidate whose requests may be hedged. */
  #last: FirstEventTimes | undefined

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed
  }

  measure(ms: number): void {
    this.#last?.note(ms)
    const now = this.#elapsed()
    const old = Math.exp((this.#measuredAt - now) / decayMs)
    this.#ms = this.#ms === undefined || ms > this.#ms ? ms : this.#ms * old + ms * (1 - old)
    this.#measuredAt = now
    this.#passes = 0
  }

  /** Notes that a reader left before the first event. Only a long wait says something: a quick answer might have come later. */
  noteLeft(tookMs: number): void {
    if (this.#last && tookMs >= this.#last.almostAllMs) this.#last.note(tookMs)
  }

  /** The milliseconds in which almost all answers begin. They are measured from the first look on. */
  get almostAllMs(): number {
    this.#last ??= new FirstEventTimes()
    return this.#last.almostAllMs
  }

  /** A failure is as bad as a very slow answer, however fast it came. */
  measureFailure(tookMs: number): void {
    this.measure(Math.max(tookMs, failureMs))
  }

  notePass(): void {
    this.#passes++
  }

  /**
   * The milliseconds to expect; undefined if nothing was measured. A candidate that is not asked seems faster and faster, until
   * it is asked and measured again. That takes time and requests: a quiet gateway would otherwise ask the slow one every
   * other time.
   */
  get expectedMs(): number | undefined {
    if (this.#ms === undefined) return undefined
    const age = Math.min((this.#elapsed() - this.#measuredAt) / decayMs, this.#passes / decayPasses)
    return this.#ms * Math.exp(-age)
  }
}
