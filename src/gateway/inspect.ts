import type { AccountStatus } from '../accounts/account.ts'
import type { UsedUpPool } from '../accounts/account-picker.ts'
import type { Terms } from '../accounts/terms.ts'
import { redact } from '../chat/secret.ts'
import type { AccountSource, AvailableCredential, CredentialVariable, Upstream } from '../providers/provider.ts'
import type { Catalog, ModelsStatus } from './catalog.ts'
import type { NotedDrift } from './drift-log.ts'
import type { HealthStatus } from './health/upstream-health.ts'
import type { Lasting } from './lasting.ts'
import type { AccountStats, UpstreamStats } from './requests/attempt-counts.ts'
import type { UpstreamParts } from './upstream-parts.ts'

/** The current state of a running gateway. It contains no secret. */
export interface GatewayStatus {
  readonly calls: {
    readonly running: number
    /** Limit for the calls that run at the same time. */
    readonly permits: number
    /** Calls that wait for others to end. */
    readonly waiting: number
  }
  readonly upstreams: readonly UpstreamStatus[]
  /** What would turn on upstreams that are off. */
  readonly available: readonly AvailableCredential[]
}

/** An account, and where it comes from. */
export interface SourcedAccount extends AccountStatus {
  /** Undefined if no variable is set for it. */
  readonly variable: string | undefined
  readonly source: AccountSource['source'] | 'made'
}

/** An account, where it comes from, and its attempts in the last hour. */
interface CountedAccount extends SourcedAccount {
  readonly stats: AccountStats
}

export interface UpstreamStatus {
  readonly name: string
  /** The name of the provider, such as `openai-compatible`; undefined if no provider has made the upstream. */
  readonly provider: string | undefined
  /** Its address; undefined if it answers in this process. */
  readonly address: string | undefined
  /** The host of the address, with its port if that is not the default. */
  readonly host: string | undefined
  readonly accounts: readonly CountedAccount[]
  /** The variable of its credentials; undefined if it takes none. */
  readonly credential: CredentialVariable | undefined
  /** What the terms of the service say; undefined if that is unknown. */
  readonly terms: Terms | undefined
  readonly isWebProduct: boolean
  /** Its attempts in the last hour. */
  readonly stats: UpstreamStats
  /** What it has sent otherwise than its adapter knows it; the one that came last is the first. */
  readonly drift: readonly NotedDrift[]
  /** Undefined while an account may be asked. */
  readonly usedUp: UsedUpPool | undefined
  readonly runningCalls: number
  /** The retries that are left at the moment. An upstream in trouble gets no more. */
  readonly retryBudget: { readonly left: number; readonly max: number }
  /** Whether it is asked, and which models of it are not. */
  readonly health: HealthStatus
  readonly models: ModelsStatus
}

interface Inspected extends Pick<Lasting, 'capacity' | 'statistics' | 'drifts'>, Pick<GatewayStatus, 'available'> {
  readonly chains: readonly UpstreamParts[]
  readonly catalog: Pick<Catalog, 'status'>
}

export function inspect({ capacity, available, chains, catalog, ...noted }: Inspected): GatewayStatus {
  return {
    calls: { running: capacity.running, permits: capacity.max, waiting: capacity.waiting },
    available,
    upstreams: chains.map((chain) => statusOf(chain, catalog.status(chain.upstream.name), noted)),
  }
}

function statusOf(
  { upstream, pool, budget, permits, health }: UpstreamParts,
  models: ModelsStatus,
  { statistics, drifts }: Pick<Lasting, 'statistics' | 'drifts'>,
): UpstreamStatus {
  const { name, provider, baseUrl, address = baseUrl } = upstream
  return {
    name,
    provider,
    // its query may have a key
    address: address === undefined ? undefined : redact(address),
    host: address === undefined ? undefined : URL.parse(address)?.host,
    accounts: pool
      .states()
      .toSorted(byLabel)
      .map((account) => ({
        ...sourced(account, upstream),
        get stats() {
          return statistics.account(name, account.label)
        },
      })),
    credential: upstream.credential,
    terms: upstream.terms,
    isWebProduct: upstream.isWebProduct ?? false,
    drift: drifts.of(name),
    // they are summed when somebody asks for them, because most looks are at the rest
    get stats() {
      return statistics.upstream(name)
    },
    usedUp: pool.usedUp(),
    runningCalls: permits.taken,
    retryBudget: { left: budget.left, max: budget.max },
    health: health.status(),
    models,
  }
}

/** The pool has them in the order of their use, which changes with every call. */
function byLabel(one: AccountStatus, other: AccountStatus): number {
  return one.label.localeCompare(other.label, 'en', { numeric: true })
}

function sourced(account: AccountStatus, { sources, supply }: Upstream): SourcedAccount {
  const { variable, source } = sources?.get(account.label) ?? {
    variable: undefined,
    source: supply ? 'made' : 'environment',
  }
  return { ...account, variable, source }
}
