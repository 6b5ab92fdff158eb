import type { ChatError } from '../chat/error.ts'
import type { Model } from '../chat/model.ts'
import type { FailureStreak } from './health/failure-streak.ts'
import type { Member } from './known-models.ts'

/** Milliseconds until an upstream that has refused to list its models is asked again. */
export const retryMs = 30_000
/** A failure that comes within this time does not delay a request noticeably. */
const quickMs = 250

/** What the catalog knows about one upstream. */
export interface CatalogEntry<Served extends Member = Member> {
  readonly member: Served
  models: readonly Model[]
  /** The first model with each id. */
  byId: ReadonlyMap<string, Model>
  /** A fixed list is complete. Otherwise an upstream may serve models that it does not list. */
  readonly isFixed: boolean
  isKnown: boolean
  refreshAt: number
  /** The time at which the list was received, by the clock that only goes forward. */
  listedAt: number | undefined
  refreshing: Promise<void> | undefined
  /** The failures since the list was last received. */
  trouble: FailureStreak | undefined
  /** The time of the last warning, by the clock that only goes forward. */
  warnedAt: number
}

export function isDue({ refreshAt }: CatalogEntry, now: number): boolean {
  return now >= refreshAt
}

/**
 * Milliseconds until a list is requested again. If an upstream is down and fails quickly, it is asked again with the
 * next request. If it refuses, or sends an invalid list, it is asked again after `retryMs`.
 */
export function pauseAfter(error: ChatError, tookMs: number): number {
  if (!isDown(error)) return retryMs
  return tookMs <= quickMs ? 0 : Math.min(6 * tookMs, retryMs)
}

/** Whether the failure of a request for a list shows that the upstream is down. Otherwise it has answered in its own way. */
export function isDown({ meaning, code, upstreamStatus = 500 }: ChatError): boolean {
  return meaning.breaker && upstreamStatus >= 500 && code !== 'upstream_bad_response'
}

export function newEntry<Served extends Member>(member: Served): CatalogEntry<Served> {
  const { models, listModels } = member.upstream
  const isFixed = models !== undefined || !listModels
  return {
    member,
    models: models ?? [],
    byId: indexById(models ?? []),
    isFixed,
    isKnown: isFixed,
    refreshAt: isFixed ? Number.POSITIVE_INFINITY : 0,
    listedAt: undefined,
    refreshing: undefined,
    trouble: undefined,
    warnedAt: Number.NEGATIVE_INFINITY,
  }
}

export function indexById(models: readonly Model[]): ReadonlyMap<string, Model> {
  const byId = new Map<string, Model>()
  for (const model of models) if (!byId.has(model.id)) byId.set(model.id, model)
  return byId
}
