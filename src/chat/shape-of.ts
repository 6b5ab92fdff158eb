/** Limits of a shape: levels of objects and lists, members of an object, and characters. */
const maxDepth = 4
const maxMembers = 24
const maxLength = 1_000

/** Stands for what is not shown. */
const hidden = '…'

/**
 * Describes a value by the names and types of its members, without any value: `{"type": string, "delta": {"text": string}}`. A name
 * that may be data is not shown, and of a list only the first item is.
 */
export function shapeOf(value: unknown): string {
  const shape = describe(value, 1)
  return shape.length > maxLength ? `${shape.slice(0, maxLength)}${hidden}` : shape
}

function describe(value: unknown, depth: number): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  if (Array.isArray(value)) return describeList(value, depth)
  return depth > maxDepth ? `{${hidden}}` : describeMembers(value, depth)
}

function describeList(list: readonly unknown[], depth: number): string {
  if (list.length === 0) return '[]'
  if (depth > maxDepth) return `[${hidden}]`
  return `[${describe(list[0], depth + 1)}${list.length > 1 ? `, ${hidden}` : ''}]`
}

function describeMembers(object: object, depth: number): string {
  const members: string[] = []
  // an object may have a million members, so they are not listed first
  for (const name in object) {
    if (members.length === maxMembers) {
      members.push(hidden)
      break
    }
    const value: unknown = Reflect.get(object, name)
    members.push(`"${shownName(name)}": ${describe(value, depth + 1)}`)
  }
  return `{${members.join(', ')}}`
}

/** A name as a protocol has it. Words of a person, ids and keys are longer, or have other characters or many digits. */
const protocolName = /^(?!(?:\D*\d){5})[A-Za-z_$][A-Za-z0-9_$]{0,31}$/

function shownName(name: string): string {
  return protocolName.test(name) ? name : hidden
}

/** An event's name as a protocol has it, which may have dots and a date: `response.web_search_20250305`. */
const eventName = /^(?!(?:\D*\d){11})[A-Za-z0-9_$][\w$.:/-]{0,63}$/

/** The name of an event, if it does not look like data. */
export function shownEvent(name: string): string {
  return name === '' || eventName.test(name) ? name : hidden
}
