import type { ChatError } from '../../chat/error.ts'
import type { AttemptNote } from '../../flow/attempt-note.ts'
import { countsRing, type MinuteClock, type MinuteRing, minutesUntil } from './minute-ring.ts'
import { bucketOf, type Percentiles, percentilesOf, timeBuckets } from './time-scale.ts'

/** The attempts of the last hour at an account. */
export interface AccountStats {
  readonly requests: number
  /** Those that failed by a fault of the upstream or of the account, also if another one has answered. */
  readonly failed: number
  /** When one last succeeded, in milliseconds since 1970, also before the last hour; undefined if none has since the start. */
  readonly lastSuccessAt: number | undefined
}

/** The attempts of the last hour at an upstream. */
export interface UpstreamStats extends AccountStats {
  readonly firstEventMs: Percentiles | undefined
  /** The oldest first. */
  readonly minutes: readonly UpstreamMinute[]
}

interface UpstreamMinute {
  /** When it began, in milliseconds since 1970. */
  readonly at: number
  readonly requests: number
  readonly failed: number
  /** The time to the first event that half of the attempts did not exceed. */
  readonly firstEventMs: number | undefined
}

/** An attempt that has ended. */
export interface EndedAttempt {
  readonly attempt: AttemptNote
  readonly error: ChatError | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

const [requests, failed, fields] = [0, 1, 2]

/** Counts the attempts at an account. */
export class AccountCounts {
  protected readonly clock: MinuteClock
  protected readonly counts = countsRing(fields)
  #lastSuccessAt: number | undefined

  constructor(clock: MinuteClock) {
    this.clock = clock
  }

  add({ attempt, error, at }: EndedAttempt): void {
    const { minute } = this.clock
    this.counts.add(minute, requests)
    if (error && isFault(error)) this.counts.add(minute, failed)
    if (attempt.outcome === 'ok') this.#lastSuccessAt = at
  }

  stats(): AccountStats {
    this.counts.forgetBefore(this.clock.minute)
    const sums = this.counts.sums()
    return { requests: sums[requests] ?? 0, failed: sums[failed] ?? 0, lastSuccessAt: this.#lastSuccessAt }
  }
}

/** Counts the attempts at an upstream. */
export class UpstreamCounts extends AccountCounts {
  readonly #times: MinuteRing = countsRing(timeBuckets)

  override add(ended: EndedAttempt): void {
    super.add(ended)
    const { startedAt, firstAt } = ended.attempt
    if (firstAt !== undefined) this.#times.add(this.clock.minute, bucketOf(firstAt - startedAt))
  }

  override stats(): UpstreamStats {
    const { minute } = this.clock
    this.#times.forgetBefore(minute)
    const sums = super.stats()
    return {
      ...sums,
      firstEventMs: percentilesOf(this.#times.sums()),
      minutes: minutesUntil(minute).map((one) => this.#statsOf(one)),
    }
  }

  #statsOf(minute: number): UpstreamMinute {
    const counts = this.counts.row(minute)
    const asked = counts[requests] ?? 0
    return {
      at: this.clock.startOf(minute),
      requests: asked,
      failed: counts[failed] ?? 0,
      firstEventMs: asked === 0 ? undefined : percentilesOf(this.#times.row(minute))?.p50,
    }
  }
}

/** Whether an attempt failed by a fault of the upstream, of our account or of ours, and not by what the client asked for. */
function isFault({ reason, meaning }: ChatError): boolean {
  return meaning.retry === 'any' || reason === 'upstream-outdated' || reason === 'internal'
}
