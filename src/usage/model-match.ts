/**
 * Which names a model has: the whole name after `=`, its beginning after `^`, its end after `$`, a part of it after `*`, a regular
 * expression after `/`. One of a list must match, and all of `and`. Letters are compared in small form.
 */
export type ModelMatch = string | readonly ModelMatch[] | { readonly and: readonly ModelMatch[] }

/** @param name in small letters */
export function matches(match: ModelMatch, name: string): boolean {
  if (typeof match === 'string') return matchesText(match, name)
  return 'and' in match ? match.and.every((each) => matches(each, name)) : match.some((each) => matches(each, name))
}

function matchesText(match: string, name: string): boolean {
  const text = match.slice(1)
  switch (match[0]) {
    case '=':
      return name === text
    case '^':
      return name.startsWith(text)
    case '$':
      return name.endsWith(text)
    case '*':
      return name.includes(text)
    default:
      return new RegExp(text).test(name)
  }
}
