import type { RecentRequest } from '../gateway/requests/recent-requests.ts'
import type { ExpiredKey } from '../keys/client-keys.ts'
import { timeOf } from './facts.ts'
import type { Look } from './look.ts'
import type { FoundNeed } from './need.ts'

/** The share of a budget from which on it is nearly spent. */
const nearShare = 0.8
const dayMs = 86_400_000
/** Milliseconds for which an expired key is shown that nobody uses any more, and after the last use of one. */
const shownMs = 3 * dayMs
const usedMs = dayMs
/** How many of the last requests of a key are looked at, and how many of them must have a broken cache. */
const lookedAt = 20
const manyBreaks = 3
const hourMs = 3_600_000

/** What the clients' own keys need. */
export function findKeyNeeds({ now, budgets, expiredKeys, requests }: Look): readonly FoundNeed[] {
  return [
    ...budgets.flatMap((use) => findBudget(use) ?? []),
    ...expiredKeys.flatMap((key) => findExpired(key, now) ?? []),
    ...findBrokenCaches(requests.filter(({ startedAt }) => now - startedAt < hourMs)),
  ]
}

function findBudget({ key, used, amount, unit, period, resetsAt }: Look['budgets'][number]): FoundNeed | undefined {
  if (used < nearShare * amount) return undefined
  const isSpent = used >= amount
  return {
    kind: isSpent ? 'budget_spent' : 'budget_near',
    severity: isSpent ? 'urgent' : 'warning',
    about: { key },
    until: resetsAt,
    facts: {
      ...{ used, amount, unit, period: period ?? null, percent: Math.floor((100 * used) / amount) },
      resets_at: resetsAt === undefined ? null : timeOf(resetsAt),
    },
  }
}

function findExpired({ name, expiredAt, refused, lastAt }: ExpiredKey, now: number): FoundNeed | undefined {
  const isUsed = lastAt !== undefined && now - lastAt < usedMs
  if (!isUsed && now - expiredAt >= shownMs) return undefined
  return {
    kind: 'key_expired',
    severity: isUsed ? 'urgent' : 'note',
    about: { key: name },
    since: expiredAt,
    facts: { expired_at: timeOf(expiredAt), refused },
  }
}

/** The keys whose clients change the beginning of their prompts, so that the upstreams' caches are of no use. */
function findBrokenCaches(requests: readonly RecentRequest[]): readonly FoundNeed[] {
  const byKey = Map.groupBy(
    requests.filter(({ task }) => task === 'chat'),
    ({ key }) => key,
  )
  return [...byKey].flatMap(([key, all]) => {
    const last = all.slice(0, lookedAt)
    const broken = last.filter(({ cacheBrokenAt }) => cacheBrokenAt !== undefined)
    const [newest] = broken
    if (!newest || broken.length < manyBreaks) return []
    return [
      {
        kind: 'cache_broken',
        severity: 'note',
        about: { key, model: newest.model, upstream: newest.upstream },
        since: broken.at(-1)?.startedAt,
        request: newest.id,
        facts: { breaks: broken.length, requests: last.length, where: newest.cacheBrokenAt ?? null },
      },
    ]
  })
}
