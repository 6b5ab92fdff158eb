import type { Parameters } from '../../chat/request.ts'
import type { CacheHome } from '../../flow/call.ts'
import type { RouteSettings } from '../../flow/route-settings.ts'
import { inBalance, type Weighed } from '../combine/balance.ts'
import type { CandidateTimes } from '../combine/response-times.ts'
import type { Standing } from '../health/breaker.ts'
import type { Candidate } from '../known-models.ts'
import type { UpstreamParts } from '../upstream-parts.ts'
import type { NarrowedChoice } from './narrow.ts'
import { type ModelNode, type RouteNode, settingsWithin } from './route-tree.ts'
import { titleOf } from './write-route.ts'

/** One way to answer a request: an upstream with one of its models, or a panel. */
export type Leg = CandidateLeg | PanelLeg

interface AnyLeg {
  readonly standing: Standing
  readonly times: CandidateTimes
  /** Whether it is better for this request than others that it is balanced with. */
  readonly isPreferred: boolean
}

export interface CandidateLeg extends AnyLeg {
  readonly candidate: Candidate<UpstreamParts>
  readonly settings: RouteSettings | undefined
  readonly defaults: Parameters | undefined
}

export interface PanelLeg extends AnyLeg {
  readonly panel: readonly PanelMember[]
}

export interface PanelMember {
  /** The text of its header. */
  readonly title: string
  readonly legs: Legs
}

/** The legs in the order in which they are asked. There is at least one. */
export type Legs = readonly [Leg, ...Leg[]]

/** What the legs of one request are made from. */
export interface LegSource {
  candidatesOf(name: string): readonly Candidate<UpstreamParts>[]
  /** Whether the candidate may be asked for this request. */
  accepts(candidate: Candidate<UpstreamParts>): boolean
  /** Whether it is better for this request than one that is not preferred. */
  prefers(candidate: Candidate<UpstreamParts>): boolean
  timesOf(candidate: Candidate): CandidateTimes
  /** Whether panels can answer this request. */
  readonly hasPanels: boolean
  /** Where the prompt of the conversation is in a cache. */
  readonly cacheHome: CacheHome | undefined
  /** What the client's wishes leave; undefined if it has none. */
  readonly narrowed: NarrowedChoice | undefined
  random(): number
}

/**
 * Returns what may answer for a route, in the order in which it is asked: the client's order, if it has one, then the
 * candidate that has the conversation in a cache, then the route's order. What is known to be down comes last.
 */
export function legsOf(node: RouteNode, source: LegSource, outer?: RouteSettings): readonly Leg[] {
  const legs = homeFirst(partLegs(node, source, outer), source.cacheHome)
  const { narrowed } = source
  const wanted = narrowed ? legs.toSorted((a, b) => placeOf(a, narrowed) - placeOf(b, narrowed)) : legs
  const down = wanted.filter(({ standing }) => standing === 'open')
  const ordered = down.length === 0 ? wanted : [...wanted.filter(({ standing }) => standing !== 'open'), ...down]
  return narrowed?.isFirstOnly ? ordered.slice(0, 1) : ordered
}

/** A panel is where its first member is. */
function placeOf(leg: Leg, narrowed: NarrowedChoice): number {
  if ('candidate' in leg) return narrowed.placeOf(leg.candidate.member.upstream)
  return Math.min(...leg.panel.map(({ legs: [first] }) => placeOf(first, narrowed)))
}

/** Puts the candidate first that was the last one to read the conversation, as long as it has it in a cache. */
function homeFirst(legs: readonly Leg[], home: CacheHome | undefined): readonly Leg[] {
  if (!home || legs.length < 2) return legs
  let [first, newest]: readonly [Leg | undefined, number] = [undefined, Number.NEGATIVE_INFINITY]
  for (const leg of legs) {
    if (!('candidate' in leg)) continue
    const { member, model } = leg.candidate
    const readAt = home.readAt(member.upstream.name, model) ?? Number.NEGATIVE_INFINITY
    if (readAt > newest) [first, newest] = [leg, readAt]
  }
  return first ? [first, ...legs.filter((leg) => leg !== first)] : legs
}

function partLegs(node: RouteNode, source: LegSource, outer?: RouteSettings): readonly Leg[] {
  const settings = settingsWithin(outer, node.settings)
  switch (node.kind) {
    case 'model':
      return candidatesAt(node, source, settings)
    case 'failover':
      return node.members.flatMap((member) => partLegs(member, source, settings))
    case 'balance': {
      const members = node.members.map((member) => toWeighed(partLegs(member, source, settings), member.weight))
      return balanced(
        members.filter((one) => one !== undefined),
        source,
      )
    }
    case 'panel':
      return source.hasPanels ? panelOf(node.members, source, settings) : []
  }
}

/** Several upstreams that have a model of this name are balanced. */
function candidatesAt(
  { name, defaults }: ModelNode,
  source: LegSource,
  settings: RouteSettings | undefined,
): readonly Leg[] {
  const legs = source
    .candidatesOf(name)
    .filter((candidate) => source.accepts(candidate))
    .map((candidate) => ({
      candidate,
      settings,
      defaults,
      standing: candidate.member.health.standing(candidate.model),
      times: source.timesOf(candidate),
      isPreferred: source.prefers(candidate),
    }))
  return balanced(
    legs.map((leg) => ({ legs: [leg], first: leg, times: leg.times, weight: 1 })),
    source,
  )
}

/** A member of a balance. Its first leg speaks for it. */
interface WeighedLegs extends Weighed {
  readonly legs: readonly Leg[]
  readonly first: Leg
}

function toWeighed(legs: readonly Leg[], weight = 1): WeighedLegs | undefined {
  const [first] = legs
  return first && { legs, first, times: first.times, weight }
}

const standings: readonly Standing[] = ['good', 'mistrusted', 'open']

function balanced(members: readonly WeighedLegs[], { random }: LegSource): readonly Leg[] {
  const [only] = members
  if (only && members.length === 1) return only.legs
  const preferred = members.filter(({ first }) => first.isPreferred)
  const asked = preferred.length > 0 ? preferred : members
  return standings.flatMap((standing) => {
    const alike = asked.filter(({ first }) => first.standing === standing)
    return inBalance(alike, random).flatMap(({ legs }) => legs)
  })
}

function panelOf(
  nodes: readonly RouteNode[],
  source: LegSource,
  settings: RouteSettings | undefined,
): readonly PanelLeg[] {
  const panel = nodes.flatMap((node): readonly PanelMember[] => {
    const [first, ...others] = legsOf(node, source, settings)
    return first ? [{ title: titleOf(node), legs: [first, ...others] }] : []
  })
  // the slowest member speaks for the panel
  const [slowest] = panel.map(({ legs: [first] }) => first).sort((a, b) => slownessOf(b) - slownessOf(a))
  if (!slowest) return []
  const best = standings.find((standing) => panel.some(({ legs: [first] }) => first.standing === standing)) ?? 'open'
  return [{ panel, times: slowest.times, standing: best, isPreferred: true }]
}

function slownessOf({ times }: Leg): number {
  return times.expectedMs ?? 0
}
