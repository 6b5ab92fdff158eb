import type { AccountStatus } from '../accounts/account.ts'
import type { Chat } from '../flow/chat.ts'
import type { Member, ModelsStatus } from './catalog.ts'
import type { RecentFailures } from './combine/recent-failures.ts'
import type { RetryBudget } from './layers/retry-budget.ts'
import type { Permits } from './permits.ts'

/** A running gateway as it is at the moment. Holds nothing secret. */
export interface GatewayStatus {
  readonly calls: {
    readonly running: number
    /** Calls that may run at once. */
    readonly permits: number
  }
  readonly upstreams: readonly UpstreamStatus[]
}

export interface UpstreamStatus {
  readonly name: string
  /** The kind of upstream, such as `openai-compatible`; undefined for what no provider has made. */
  readonly provider: string | undefined
  /** Where it is asked; undefined for what is answered in this process. */
  readonly address: string | undefined
  /** The host of that address, with its port where it is not the usual one. */
  readonly host: string | undefined
  readonly accounts: readonly AccountStatus[]
  readonly runningCalls: number
  /** How many retries it would pay for at the moment; a broken upstream gets no more than those. */
  readonly retryBudget: { readonly left: number; readonly max: number }
  /** Milliseconds for which it is asked after all others, since it has just failed; 0 while it is trusted. */
  readonly mistrustedForMs: number
  readonly models: ModelsStatus
}

/** What serves the calls of one upstream, as far as it can be looked at. */
export interface UpstreamParts extends Member {
  readonly chat: Chat
  readonly budget: RetryBudget
  readonly permits: Permits
}

/** What others know of an upstream: its catalog, and its routes. */
interface UpstreamView {
  readonly models: ModelsStatus
  readonly failures: RecentFailures
}

export function statusOf(
  { upstream, pool, budget, permits, chat }: UpstreamParts,
  { models, failures }: UpstreamView,
): UpstreamStatus {
  const { name, provider, baseUrl, address = baseUrl } = upstream
  return {
    name,
    provider,
    address,
    host: address === undefined ? undefined : URL.parse(address)?.host,
    accounts: pool.states(),
    runningCalls: permits.taken,
    retryBudget: { left: budget.left, max: budget.max },
    mistrustedForMs: failures.mistrustedForMs(chat),
    models,
  }
}
