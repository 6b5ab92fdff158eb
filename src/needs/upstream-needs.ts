import { byOperator } from '../accounts/rest.ts'
import { excerpt } from '../chat/secret.ts'
import type { FailureStreak } from '../gateway/health/failure-streak.ts'
import type { HealthStatus } from '../gateway/health/upstream-health.ts'
import type { UpstreamStatus } from '../gateway/inspect.ts'
import { maxName, namesOf } from './facts.ts'
import type { FoundNeed } from './need.ts'

/** One failure in a row, or two, may be chance. */
const manyFailures = 3
const someOutdated = 2
/** Milliseconds after which failures count no more, if nothing was asked since then. */
const staleMs = 600_000

/** Why an upstream, or a model of it, does not answer. If several things are wrong, the first one explains the others. */
export function findUpstreamNeeds(upstream: UpstreamStatus, now: number): readonly FoundNeed[] {
  const found =
    findUnreachable(upstream, now) ??
    findWrongAddress(upstream) ??
    findFailing(upstream, now) ??
    findOutdated(upstream, now)
  return [...(found ? [found] : findModels(upstream, now)), ...findUsedUp(upstream)]
}

function findUnreachable({ name, host, health, models }: UpstreamStatus, now: number): FoundNeed | undefined {
  const { trouble, isUnreachable } = health
  const isList = models.trouble !== undefined && isConnection(models.trouble)
  const failures = (isUnreachable ? (trouble?.failures ?? 0) : 0) + (isList ? (models.trouble?.failures ?? 0) : 0)
  const last = isUnreachable ? trouble : isList ? models.trouble : undefined
  if (!last || !(isEjected(health) ? isUnreachable : failures >= manyFailures && isRecent(last, now))) return undefined
  return {
    kind: 'upstream_unreachable',
    severity: 'urgent',
    about: { upstream: name },
    since: last.since,
    ...nextTry(health, now),
    why: last.error.message,
    facts: { failures, code: last.error.ownCode, host: host ?? null },
  }
}

const connectionCodes: ReadonlySet<string> = new Set(['upstream_unreachable', 'upstream_connect_timeout'])

function isConnection({ error }: FailureStreak): boolean {
  return connectionCodes.has(error.ownCode)
}

/** Its list of models shows it at the first request, because a wrong address never gets right by itself. */
function findWrongAddress({ name, address, models: { trouble } }: UpstreamStatus): FoundNeed | undefined {
  if (trouble?.error.ownCode !== 'upstream_address') return undefined
  return {
    kind: 'upstream_wrong_address',
    severity: 'urgent',
    about: { upstream: name },
    since: trouble.since,
    why: trouble.error.message,
    facts: { address: address === undefined ? null : withoutSecrets(address), code: trouble.error.ownCode },
  }
}

/** An address may have a password or a key in it. */
function withoutSecrets(address: string): string {
  const url = URL.parse(address)
  return url ? `${url.origin}${url.pathname}` : ''
}

function findFailing({ name, host, health }: UpstreamStatus, now: number): FoundNeed | undefined {
  const { trouble } = health
  if (!isEjected(health) || !trouble) return undefined
  return {
    kind: 'upstream_failing',
    severity: 'urgent',
    about: { upstream: name },
    since: trouble.since,
    ...nextTry(health, now),
    why: trouble.error.message,
    facts: { failures: trouble.failures, code: trouble.error.ownCode, host: host ?? null },
  }
}

function findOutdated({ name, health: { outdated } }: UpstreamStatus, now: number): FoundNeed | undefined {
  if (!outdated || outdated.failures < someOutdated || !isRecent(outdated, now)) return undefined
  return {
    kind: 'upstream_outdated',
    severity: 'urgent',
    about: { upstream: name },
    since: outdated.since,
    why: outdated.error.message,
    facts: { failures: outdated.failures, code: outdated.error.ownCode },
  }
}

function findModels({ name, health }: UpstreamStatus, now: number): readonly FoundNeed[] {
  return health.models.filter(isEjected).map(({ model, trouble, ejectedForMs }) => ({
    kind: 'model_failing',
    severity: 'warning',
    about: { upstream: name, model: excerpt(model, maxName) },
    since: trouble?.since,
    until: now + ejectedForMs,
    why: trouble?.error.message,
    facts: { failures: trouble?.failures ?? null, code: trouble?.error.ownCode ?? null },
  }))
}

function findUsedUp({ name, accounts, usedUp }: UpstreamStatus): readonly FoundNeed[] {
  const isWished = accounts.every(({ state }) => 'why' in state && state.why === byOperator)
  if (!usedUp || (isWished && accounts.length > 0)) return []
  const said = accounts.find((account) => account.said !== undefined)?.said
  return [
    {
      kind: 'upstream_used_up',
      severity: 'urgent',
      about: { upstream: name },
      until: usedUp.until,
      why: said,
      facts: { accounts: accounts.length, models: namesOf(usedUp.models) },
    },
  ]
}

function isEjected({ state }: Pick<HealthStatus, 'state'>): boolean {
  return state === 'ejected'
}

function isRecent({ at }: FailureStreak, now: number): boolean {
  return now - at < staleMs
}

function nextTry({ ejectedForMs }: HealthStatus, now: number): Pick<FoundNeed, 'until'> {
  return ejectedForMs > 0 ? { until: now + ejectedForMs } : {}
}
