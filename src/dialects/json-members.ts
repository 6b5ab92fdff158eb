import type { Fields } from '../chat/message.ts'

/** The place of a member in the JSON of an object. */
export interface JsonMember {
  readonly name: string
  /** The text of the member with the white space around it. */
  readonly from: number
  readonly to: number
  readonly valueFrom: number
  readonly valueTo: number
}

/**
 * Finds the members of an object in its JSON, which must be valid.
 * @param last the name of the member at which it stops
 */
export function membersIn(json: string, last?: string): JsonMember[] {
  const members: JsonMember[] = []
  let from = json.indexOf('{') + 1
  for (let at = afterSpace(json, from); json.charCodeAt(at) === quote; at = afterSpace(json, from)) {
    const nameEnd = endOfString(json, at)
    const name = nameIn(json.slice(at, nameEnd))
    // the colon stands between the name and the value
    const valueFrom = afterSpace(json, afterSpace(json, nameEnd) + 1)
    const isLast = name === last
    const valueTo = isLast ? valueFrom : endOfValue(json, valueFrom)
    const to = isLast ? valueFrom : afterSpace(json, valueTo)
    members.push({ name, from, to, valueFrom, valueTo })
    if (isLast) break
    from = to + 1
  }
  return members
}

/**
 * Writes other values of some members into the JSON of an object. Returns undefined unless it has each of them once.
 * @param last the name of the member at which it stops looking
 */
export function replaceMembers(json: string, values: Fields, last?: string): string | undefined {
  const missing = new Set(Object.keys(values))
  let [written, at] = ['', 0]
  for (const { name, valueFrom, valueTo } of membersIn(json, last)) {
    if (!(name in values)) continue
    if (!missing.delete(name)) return undefined
    written += json.slice(at, valueFrom) + JSON.stringify(values[name])
    at = valueTo
  }
  return missing.size > 0 ? undefined : written + json.slice(at)
}

/** Writes other values of members of the object that is the value of a member. @returns as `replaceMembers` */
export function replaceInner(json: string, outer: string, values: Fields): string | undefined {
  const member = membersIn(json).find(({ name }) => name === outer)
  if (!member) return undefined
  const { valueFrom, valueTo } = member
  const inner = replaceMembers(json.slice(valueFrom, valueTo), values)
  return inner === undefined ? undefined : json.slice(0, valueFrom) + inner + json.slice(valueTo)
}

const quote = 0x22
const backslash = 0x5c

function nameIn(text: string): string {
  return text.includes('\\') ? String(JSON.parse(text)) : text.slice(1, -1)
}

/** Returns the first position from `at` on that is not white space. */
function afterSpace(json: string, at: number): number {
  let end = at
  for (let code = json.charCodeAt(end); isSpace(code); code = json.charCodeAt(end)) end++
  return end
}

/** Whether a character or a byte is white space of JSON. */
export function isSpace(code: number | undefined): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

function endOfString(json: string, from: number): number {
  let at = from + 1
  for (let code = json.charCodeAt(at); code !== quote && at < json.length; code = json.charCodeAt(at))
    at += code === backslash ? 2 : 1
  return at + 1
}

function endOfValue(json: string, from: number): number {
  const first = json[from]
  if (first === '"') return endOfString(json, from)
  return first === '{' || first === '[' ? endOfNested(json, from) : endOfScalar(json, from)
}

function endOfNested(json: string, from: number): number {
  let depth = 0
  for (let at = from; at < json.length; at++) {
    const character = json[at]
    if (character === '"') at = endOfString(json, at) - 1
    else if (character === '{' || character === '[') depth++
    else if ((character === '}' || character === ']') && --depth === 0) return at + 1
  }
  return json.length
}

function endOfScalar(json: string, from: number): number {
  let at = from
  while (at < json.length && !isSpace(json.charCodeAt(at)) && !',}]'.includes(json[at] ?? ',')) at++
  return at
}
