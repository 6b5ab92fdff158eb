import type { Extras, Fields } from '../../chat/message.ts'
import { dialect } from './dialect.ts'

/**
 * The members of `object` that `known` does not name, or undefined for none. `null` is as good as absent, and a
 * member called `__proto__` is nobody's.
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

/** `{ extra }` of this dialect where there is any: for spreading, so that an absent extra is an absent member. */
export function ownExtra(extra: Fields | undefined): { extra?: Extras } {
  return extra ? { extra: { [dialect]: extra } } : {}
}

/** The unknown members around `object[inner]` and inside it, as one extra that `merge` puts back. */
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

/** `own` with the members of `extra` added: those both have are joined where they are objects, else `extra`'s hold. */
export function merge(own: Fields, extra: Fields | undefined): Fields {
  if (!extra) return own
  const merged: Record<string, unknown> = { ...own }
  for (const [key, value] of Object.entries(extra)) {
    const mine = own[key]
    merged[key] = isFields(mine) && isFields(value) ? { ...mine, ...value } : value
  }
  return merged
}

/** A JSON object: neither null nor a list. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object without members that are undefined. */
export function compact(object: Fields): Fields {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}
