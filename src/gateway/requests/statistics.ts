import type { ChatError } from '../../chat/error.ts'
import type { AttemptNote } from '../../flow/attempt-note.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { AccountCounts, type AccountStats, UpstreamCounts, type UpstreamStats } from './attempt-counts.ts'
import { countsRing, keptMinutes, MinuteClock, MinuteRing, minutesUntil } from './minute-ring.ts'
import type { RecentRequest } from './recent-requests.ts'
import { bucketOf, type Percentiles, percentilesOf, timeBuckets } from './time-scale.ts'

/** The requests of the last hour. */
export interface LastHour {
  readonly requests: number
  /** Those that failed, also by what the client asked for. */
  readonly failed: number
  readonly clientLeft: number
  readonly firstEventMs: Percentiles | undefined
  readonly inputTokens: number
  readonly outputTokens: number
  /** US dollars of the requests whose cost is known; undefined if that of none is. */
  readonly cost: number | undefined
  /** The oldest first. */
  readonly minutes: readonly GatewayMinute[]
}

interface GatewayMinute {
  /** When it began, in milliseconds since 1970. */
  readonly at: number
  readonly requests: number
  readonly failed: number
}

const [requests, failed, clientLeft, input, output, cost, priced, fields] = [0, 1, 2, 3, 4, 5, 6, 7]

/** Limits for what is counted apart. A configuration may change its upstreams, and accounts are made and removed. */
const maxUpstreams = 500
const maxAccounts = 1_000

/**
 * Counts requests and attempts by minute, for the last hour. It stays when the configuration is read again. Its memory is bounded:
 * about 20 KiB for each upstream that was asked, and less than 1 KiB for each account.
 */
export class Statistics {
  readonly #runtime: Runtime
  readonly #clock: MinuteClock
  readonly #sums = new MinuteRing(new Float64Array(fields * keptMinutes))
  readonly #times = countsRing(timeBuckets)
  readonly #upstreams = new Map<string, UpstreamCounts>()
  /** By upstream and label, in the order in which they were first asked. */
  readonly #accounts = new Map<string, AccountCounts>()

  /** Stands for every upstream that was not asked yet. */
  readonly #unasked: UpstreamCounts

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#clock = new MinuteClock(runtime)
    this.#unasked = new UpstreamCounts(this.#clock)
  }

  readonly noteRequest = (request: RecentRequest): void => {
    const { minute } = this.#clock
    const { outcome, usage, firstEventMs } = request
    this.#sums.add(minute, requests)
    if (outcome === 'client_closed') this.#sums.add(minute, clientLeft)
    else if (outcome !== 'ok') this.#sums.add(minute, failed)
    if (firstEventMs !== undefined) this.#times.add(minute, bucketOf(firstEventMs))
    if (usage?.inputTokens !== undefined) this.#sums.add(minute, input, usage.inputTokens)
    if (usage?.outputTokens !== undefined) this.#sums.add(minute, output, usage.outputTokens)
    if (request.cost === undefined) return
    this.#sums.add(minute, cost, request.cost)
    this.#sums.add(minute, priced)
  }

  readonly noteAttempt = (attempt: AttemptNote, error: ChatError | undefined): void => {
    const { upstream, account } = attempt
    const ended = { attempt, error, at: this.#runtime.now() }
    const ofUpstream = this.#upstreams.get(upstream) ?? this.#beginUpstream(upstream)
    ofUpstream.add(ended)
    if (account === undefined) return
    const key = accountKey(upstream, account)
    const ofAccount = this.#accounts.get(key) ?? this.#beginAccount(key)
    ofAccount.add(ended)
  }

  lastHour(): LastHour {
    const { minute } = this.#clock
    this.#sums.forgetBefore(minute)
    this.#times.forgetBefore(minute)
    const sums = this.#sums.sums()
    return {
      requests: sums[requests] ?? 0,
      failed: sums[failed] ?? 0,
      clientLeft: sums[clientLeft] ?? 0,
      firstEventMs: percentilesOf(this.#times.sums()),
      inputTokens: sums[input] ?? 0,
      outputTokens: sums[output] ?? 0,
      cost: (sums[priced] ?? 0) > 0 ? sums[cost] : undefined,
      minutes: minutesUntil(minute).map((one) => {
        const row = this.#sums.row(one)
        return { at: this.#clock.startOf(one), requests: row[requests] ?? 0, failed: row[failed] ?? 0 }
      }),
    }
  }

  upstream(name: string): UpstreamStats {
    return (this.#upstreams.get(name) ?? this.#unasked).stats()
  }

  account(upstream: string, label: string): AccountStats {
    return this.#accounts.get(accountKey(upstream, label))?.stats() ?? unused
  }

  #beginUpstream(name: string): UpstreamCounts {
    return keep(this.#upstreams, name, { counts: new UpstreamCounts(this.#clock), max: maxUpstreams })
  }

  #beginAccount(key: string): AccountCounts {
    return keep(this.#accounts, key, { counts: new AccountCounts(this.#clock), max: maxAccounts })
  }
}

const unused: AccountStats = { requests: 0, failed: 0, lastSuccessAt: undefined }

/** No name of an upstream has a line break. */
function accountKey(upstream: string, label: string): string {
  return `${upstream}\n${label}`
}

/** Keeps counts under a new name, in place of the ones that were made first if there are too many. */
function keep<Counts>(all: Map<string, Counts>, name: string, { counts, max }: NewCounts<Counts>): Counts {
  const [oldest] = all.keys()
  if (all.size >= max && oldest !== undefined) all.delete(oldest)
  all.set(name, counts)
  return counts
}

interface NewCounts<Counts> {
  readonly counts: Counts
  readonly max: number
}
