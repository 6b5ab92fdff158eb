import { ChatError } from '../../chat/error.ts'
import { excerpt } from '../../chat/secret.ts'
import type { Narrowing, Wishes } from '../../chat/wishes.ts'
import type { Upstream } from '../../providers/provider.ts'
import { nearestNames } from '../nearest-names.ts'

/** What the client's wishes leave of the upstreams. */
export interface NarrowedChoice {
  /** Names the member of the body that leaves an upstream out; undefined if it may be asked. */
  leftOutBy(upstream: Upstream): string | undefined
  /** The place of an upstream among those that the client wants first. All others have the same, after these. */
  placeOf(upstream: Upstream): number
  /** Whether only the first that is found may be asked. */
  readonly isFirstOnly: boolean
}

/** @param names the names of all upstreams */
export function narrow({ provider, ...own }: Wishes, names: ReadonlySet<string>): NarrowedChoice {
  const rules = [...rulesOf('tributary', own, 'not'), ...(provider ? providerRules(provider, names) : [])]
  const order = [...(own.order ?? []), ...(provider?.order ?? [])].map(lower)
  return {
    leftOutBy: (upstream) => rules.find((rule) => !rule.allows(upstream))?.by,
    placeOf({ name }) {
      const place = order.indexOf(name)
      return place < 0 ? order.length : place
    },
    isFirstOnly: [own, provider].some((one) => one?.fallback === false && one.order === undefined),
  }
}

interface Rule {
  /** The member of the body. */
  readonly by: string
  allows(upstream: Upstream): boolean
}

/** @param notName the name of the list of those that must not be asked */
function rulesOf(member: string, { order, only, not, fallback }: Narrowing, notName: string): readonly Rule[] {
  return [
    ...(only ? [ruleFor(`${member}.only`, only)] : []),
    ...(order && fallback === false ? [ruleFor(`${member}.order`, order)] : []),
    ...(not ? [{ by: `${member}.${notName}`, allows: ({ name }: Upstream) => !not.map(lower).includes(name) }] : []),
  ]
}

function ruleFor(by: string, listed: readonly string[]): Rule {
  const names = listed.map(lower)
  return { by, allows: ({ name }) => names.includes(name) }
}

/**
 * A list that names no upstream of ours is meant for OpenRouter alone. OpenRouter itself keeps to a list that does, so it is left
 * out only by its own name.
 */
function providerRules(wish: Narrowing, names: ReadonlySet<string>): readonly Rule[] {
  const ours = (list: readonly string[] | undefined) =>
    list?.some((name) => names.has(lower(name))) ? list : undefined
  const [order, only] = [ours(wish.order), ours(wish.only)]
  const { not, fallback } = wish
  const meant = {
    ...(order && { order }),
    ...(only && { only }),
    ...(not && { not }),
    ...(fallback === false && { fallback }),
  }
  return rulesOf('provider', meant, 'ignore').map(({ by, allows }) => ({
    by,
    allows: (upstream) => allows(upstream) || (by !== 'provider.ignore' && upstream.takesProvider === true),
  }))
}

function lower(name: string): string {
  return name.toLowerCase()
}

/**
 * Refuses a name in `tributary` that is no upstream's, because it is probably mistyped.
 * @param visible the names that the caller may see
 * @throws ChatError `invalid-request`
 */
export function refuseUnknown(
  { order, only, not }: Narrowing,
  names: ReadonlySet<string>,
  visible: () => Iterable<string>,
): void {
  for (const [member, list] of Object.entries({ order, only, not })) {
    const unknown = list?.find((name) => !names.has(lower(name)))
    if (unknown === undefined) continue
    const [nearest] = nearestNames(unknown, [...visible()], 1)
    const hint = nearest === undefined ? '' : ` The nearest is "${nearest}".`
    throw new ChatError('invalid-request', {
      message: `tributary.${member}: there is no upstream "${excerpt(unknown, 64)}".${hint}`,
      code: 'invalid_value',
      param: `tributary.${member}`,
    })
  }
}

/** Returns the error for a request that no upstream may answer. It says what leaves out which. */
export function noneLeft(model: string, upstreams: readonly Upstream[], { leftOutBy }: NarrowedChoice): ChatError {
  const leftOut = Object.groupBy(upstreams, (upstream) => leftOutBy(upstream) ?? '')
  const said = Object.entries(leftOut).flatMap(([by, out = []]) => {
    const names = [...new Set(out.map(({ name }) => name))]
    return by === '' ? [] : [`${by} leaves out ${names.join(', ')}`]
  })
  return new ChatError('invalid-request', {
    message: `No upstream is left for the model "${excerpt(model, 200)}": ${said.join('; ')}.`,
    code: 'no_upstream_left',
    ...(said[0] !== undefined && { param: said[0].split(' ')[0] }),
  })
}
