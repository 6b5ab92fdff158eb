import type { Random } from './random.ts'
import type { Json } from './words.ts'

/** A way to write JSON. */
export interface Spelling {
  value(value: Json): string
  /** Writes a member of an object, without its commas. */
  member(name: string, value: Json): string
  /** Writes a member whose value is JSON already. */
  writtenMember(name: string, json: string): string
}

/** Writes JSON as JSON.stringify does. */
export const plainSpelling: Spelling = {
  value: (value) => JSON.stringify(value),
  member: (name, value) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  writtenMember: (name, json) => `${JSON.stringify(name)}:${json}`,
}

type Spaces = readonly [string, ...string[]]
const usualSpaces: Spaces = [' ', '  ', '\t', ' \t ']
/** White space of JSON that has several lines. */
export const spacesWithBreaks: Spaces = [...usualSpaces, '\n', '\n  ']

/** Writes JSON with unusual white space, escapes and forms of numbers. Every reader must understand it. */
export function oddSpelling(random: Random, spaces: Spaces = usualSpaces): Spelling {
  const space = () => (random.chance(0.2) ? random.pick(spaces) : '')
  const text = (value: string) => `"${Array.from(value, (character) => oddCharacter(character, random)).join('')}"`
  const writtenMember = (name: string, json: string) => `${space()}${text(name)}${space()}:${space()}${json}${space()}`
  const value = (each: Json): string => {
    if (typeof each === 'string') return text(each)
    if (typeof each === 'number') return oddNumber(each, random)
    if (typeof each !== 'object' || each === null) return String(each)
    if (Array.isArray(each)) return `[${each.map((item) => space() + value(item) + space()).join(',') || space()}]`
    const members = Object.entries(each).map(([name, member]) => writtenMember(name, value(member)))
    return `{${members.join(',') || space()}}`
  }
  return { value, writtenMember, member: (name, each) => writtenMember(name, value(each)) }
}

const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['/', '\\/'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\b', '\\b'],
  ['\f', '\\f'],
])

function oddCharacter(character: string, random: Random): string {
  const isForbidden = character === '"' || character === '\\' || character < ' '
  if (!isForbidden && random.chance(0.9)) return character
  const usual = shortEscapes.get(character)
  if (usual !== undefined && random.chance(0.6)) return usual
  return Array.from({ length: character.length }, (_, at) => {
    const hex = character.charCodeAt(at).toString(16).padStart(4, '0')
    return `\\u${random.chance(0.5) ? hex.toUpperCase() : hex}`
  }).join('')
}

function oddNumber(value: number, random: Random): string {
  const usual = JSON.stringify(value)
  if (!/^-?\d+$/.test(usual)) return usual.replace('e', random.pick(['e', 'E']))
  return random.pick([usual, usual, `${usual}.0`, `${usual}e0`, `${usual}E+0`])
}
