import { formatUntil } from '../chat/format-until.ts'
import type { QuotaWindow } from '../chat/quota.ts'
import type { Finding } from '../gateway/examine.ts'

/** What is left of an account's limits: `212 of 500 requests left, resets in 4 min`; empty if nothing is known. */
export function quotaLine(windows: readonly QuotaWindow[], now: number): string {
  return windows.map((window) => describe(window, now)).join('; ')
}

function describe({ unit, scope, limit, remaining, resetAt }: QuotaWindow, now: number): string {
  const of = limit === undefined ? '' : ` of ${limit}`
  const reset = resetAt === undefined || resetAt <= now ? '' : `, resets in ${duration(resetAt - now)}`
  return `${remaining ?? 'some'}${of} ${unit}${scope && ` (${scope})`} left${reset}`
}

/** A line for each upstream none of whose accounts has anything left. */
export function usedUpLines(findings: readonly Finding[], now: number): readonly string[] {
  const upstreams = Object.entries(Object.groupBy(findings, ({ upstream }) => upstream))
  return upstreams.flatMap(([name, found = []]) => {
    if (!found.every(isUsedUp)) return []
    const waits = found.flatMap(({ error }) => error?.retryAfterMs ?? [])
    const until = waits.length > 0 ? ` until ${formatUntil(now + Math.min(...waits), now)}` : ''
    return [`All accounts of ${name} are used up${until}.`]
  })
}

function isUsedUp({ error }: Finding): boolean {
  return error?.reason === 'rate-limited' || error?.reason === 'quota-exhausted'
}

/** A duration in the unit that suits it; rounded up. */
export function duration(ms: number): string {
  if (ms <= 120_000) return `${Math.ceil(ms / 1000)} s`
  return ms <= 7_200_000 ? `${Math.ceil(ms / 60_000)} min` : `${Math.ceil(ms / 3_600_000)} h`
}
