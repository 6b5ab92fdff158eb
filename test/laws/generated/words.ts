import type { Random } from './random.ts'

/** A generated JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json
}

/** Characters that a careless relay breaks: quotes, escapes, controls, line separators, and every length of UTF-8. */
const characters = [
  ...['a', 'B', ' ', '  ', '.', '0', '/', '"', '\\', "'", '<', '&', '{', '}', '[', ']', ':', ','],
  ...['\n', '\r', '\r\n', '\n\n', '\t', '\b', '\f', '\u0000', '\u001f', '\u007f', '\u0085', '\u00a0', '\ufeff'],
  ...['\u2028', '\u2029', '\u200d', '\u0301', '\ufffd', 'é', 'ß', 'Ж', '中', '한', '😀', '👩‍🚀', '𝔘', '\u{10ffff}'],
  ...[
    'data: ',
    '[DONE]',
    'data: [DONE]\n\n',
    ': ',
    'event: error',
    '"choices":',
    '"usage":null',
    '"id":"x"',
    '\\u0041',
  ],
] as const

/** Generates a text of one or more whole characters. */
export function anyText(random: Random, atMost = 6): string {
  return random.list(1, atMost, () => random.pick(['word ', ...characters])).join('')
}

/** Generates a value of any type, for an unknown field. */
function anyValue(random: Random, depth = 0): Json {
  const kind = random.below(depth > 2 ? 4 : 6)
  if (kind === 0) return anyText(random, 4)
  if (kind === 1) return anyNumber(random)
  if (kind === 2) return random.chance(0.5)
  if (kind === 3) return null
  if (kind === 4) return random.list(0, 3, () => anyValue(random, depth + 1))
  return Object.fromEntries(random.list(0, 3, (at) => [anyName(random, at), anyValue(random, depth + 1)]))
}

/** Generates up to `atMost` members with names that no dialect knows. */
export function ownMembers(random: Random, atMost = 2, prefix = 'x_own'): JsonObject {
  const ending = () => random.pick(['', '-é', ' "', '.b'])
  return Object.fromEntries(
    random.list(0, atMost, (at) => [`${prefix}_${at}${ending()}`, anyValue(random) ?? false] as const),
  )
}

function anyName(random: Random, at: number): string {
  return random.pick([`m${at}`, `${9 - at}`, `é ${at}`, `"${at}`, `\\${at}`])
}

function anyNumber(random: Random): number {
  return random.pick([0, 1, -1, 7, 0.5, -0.25, 1e-7, 1e21, 123_456_789, random.below(1_000_000)])
}
