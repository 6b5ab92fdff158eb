import type { Fields } from '../chat/message.ts'

/**
 * Returns the members of `object` that are not in `known`; undefined if there are none. It skips members that are null, and
 * a member called `__proto__`.
 */
export function rest(object: Fields, known: readonly string[]): Fields | undefined {
  let found: Record<string, unknown> | undefined
  for (const key of Object.keys(object)) {
    if (known.includes(key) || key === '__proto__' || object[key] === undefined || object[key] === null) continue
    found ??= {}
    found[key] = object[key]
  }
  return found
}

/** Returns the unknown members beside `object[inner]` and inside it, as one extra that `merge` puts back. */
export function nestedRest(
  object: Fields,
  inner: string,
  known: readonly string[],
  knownInner: readonly string[],
): Fields | undefined {
  const outside = rest(object, [...known, inner])
  const content = object[inner]
  const inside = isFields(content) ? rest(content, knownInner) : undefined
  return inside ? { ...outside, [inner]: inside } : outside
}

/** Returns a member of the object itself: `constructor` and the like are also members of every object's prototype. */
export function ownMember(object: Fields, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

/** Adds the members of `extra` to `own`, except for `__proto__`. If both have a member, two objects are merged, and otherwise the one of `extra` counts. */
export function merge(own: Fields, extra: Fields | undefined): Fields {
  if (!extra) return own
  const merged: Record<string, unknown> = { ...own }
  for (const [key, value] of Object.entries(extra)) {
    if (key === '__proto__') continue
    const mine = ownMember(own, key)
    merged[key] = isFields(mine) && isFields(value) ? { ...mine, ...value } : value
  }
  return merged
}

/** Whether a value is a JSON object, so neither null nor a list. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether an object has no other members than these. */
export function hasOnly(object: Fields, members: ReadonlySet<string>): boolean {
  for (const name in object) if (!members.has(name)) return false
  return true
}

/** Reads a number, which may be written as text; NaN for any other value. `Number` itself throws for some objects. */
export function numberIn(value: unknown): number {
  return typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN
}

/** Removes the members that are undefined. */
export function compact(object: Fields): Fields {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}
