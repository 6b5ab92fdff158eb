import type { UpstreamStatus } from '../gateway/inspect.ts'
import { timeOf } from './facts.ts'
import type { FoundNeed } from './need.ts'

/** Milliseconds for which a place is shown that does not come again. */
const shownMs = 86_400_000

/**
 * What an upstream lately sent otherwise than its adapter knows it: one need for all of it. A new event is mostly passed over without
 * harm, but a field that is missing or of another type is lost.
 */
export function findDrift({ name, drift }: UpstreamStatus, now: number): readonly FoundNeed[] {
  const recent = drift.filter(({ lastAt }) => now - lastAt < shownMs)
  const harmful = recent.filter(({ kind }) => kind !== 'unknown_event')
  const [shown] = harmful.length > 0 ? harmful : recent
  if (!shown) return []
  return [
    {
      kind: 'drift',
      severity: harmful.length > 0 ? 'warning' : 'note',
      about: { upstream: name },
      since: Math.min(...recent.map(({ firstAt }) => firstAt)),
      request: shown.request,
      facts: {
        ...{ count: shown.count, where: shown.where, what: shown.kind, shape: shown.shape },
        ...{ places: recent.length, last_at: timeOf(shown.lastAt) },
      },
    },
  ]
}
