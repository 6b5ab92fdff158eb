/** A member that two objects have with different values. Undefined: it has none. */
export interface DifferentField {
  /** `conversation.requests`, `tools.0`. */
  readonly name: string
  readonly first: string | undefined
  readonly second: string | undefined
}

const maxDepth = 6

/** Lists the members in which two values of JSON differ, in their order. @param leftOut members of the top that are not looked at */
export function differentFields(
  first: unknown,
  second: unknown,
  leftOut: readonly string[] = [],
): readonly DifferentField[] {
  const [a, b] = [flatten(first, leftOut), flatten(second, leftOut)]
  const names = [...new Set([...a.keys(), ...b.keys()])]
  return names
    .filter((name) => a.get(name) !== b.get(name))
    .map((name) => ({ name, first: a.get(name), second: b.get(name) }))
}

function flatten(value: unknown, leftOut: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const add = (one: unknown, path: readonly string[]) => {
    if (leftOut.includes(path[0] ?? '')) return
    if (typeof one !== 'object' || one === null || path.length >= maxDepth)
      return void (one !== null && one !== undefined && found.set(path.join('.'), textOf(one)))
    for (const [name, member] of Object.entries(one)) add(member, [...path, name])
  }
  add(value, [])
  return found
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
