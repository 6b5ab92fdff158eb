import type { RouteSettings } from '../../flow/route-settings.ts'
import type { Upstream } from '../../providers/provider.ts'
import type { Standing } from '../health/breaker.ts'

/** What decides whether two legs may be asked at the same time. A panel has no candidate. */
interface HedgedLeg {
  readonly candidate?: { readonly member: { readonly upstream: Pick<Upstream, 'stopsOnCancel'> } }
  readonly settings?: RouteSettings | undefined
  readonly standing: Standing
}

/**
 * Finds the leg that may be asked while the first one is silent: one of another upstream, which is in good health. Whichever
 * loses is cancelled, so both upstreams must stop then.
 */
export function rivalOf<Leg extends HedgedLeg>(first: Leg, others: readonly Leg[]): Leg | undefined {
  if (!first.settings?.hedges || !stops(first)) return undefined
  return others.find((leg) => leg.standing === 'good' && stops(leg) && memberOf(leg) !== memberOf(first))
}

function stops(leg: HedgedLeg): boolean {
  const member = memberOf(leg)
  return member !== undefined && member.upstream.stopsOnCancel !== false
}

function memberOf({ candidate }: HedgedLeg) {
  return candidate?.member
}
