import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { gramLength, SecretIndex } from './secret-index.ts'

/** A placeholder for a found spelling. No text contains it. */
const hole = '\uffff'

/** Redacts with a loop over the spellings, the longest first. */
function loop(spellings: Iterable<string>, text: string): string {
  return [...new Set(spellings)]
    .sort((a, b) => b.length - a.length)
    .reduce((rest, spelling) => rest.replaceAll(spelling, hole), text)
    .replaceAll(hole, '*')
}

function indexOf(spellings: readonly string[]): SecretIndex {
  const index = new SecretIndex()
  for (const spelling of spellings) index.add(spelling)
  return index
}

/** Texts of few letters, so that spellings overlap, contain and repeat each other. */
const letters = (minLength: number, maxLength: number) =>
  fc.array(fc.constantFrom('a', 'b', '\ud83d'), { minLength, maxLength }).map((chars) => chars.join(''))
const spelling = letters(gramLength, 14)

describe('spellings in a text', () => {
  test('are redacted with the same result as by a loop, the longest first', () => {
    const pieces = (spellings: readonly string[]) =>
      fc.array(fc.oneof(letters(0, 20), fc.constantFrom('', ...spellings)), { maxLength: 12 })
    const cases = fc
      .array(spelling, { maxLength: 8 })
      .chain((spellings) => fc.tuple(fc.constant(spellings), pieces(spellings)))
    fc.assert(
      fc.property(cases, ([spellings, texts]) => {
        const text = texts.join('')
        expect(indexOf(spellings).replaceAll(text, '*')).toBe(loop(spellings, text))
      }),
      { numRuns: runs(3_000) },
    )
  })

  test('are the current ones after any additions and removals', () => {
    const changes = fc.array(
      fc.tuple(fc.boolean(), fc.constantFrom('aaaaaa', 'aaaaaab', 'baaaaaa', 'abaaaab', 'bbbbbb')),
      {
        maxLength: 20,
      },
    )
    fc.assert(
      fc.property(changes, letters(0, 60), (made, text) => {
        const index = new SecretIndex()
        const there = new Set<string>()
        for (const [isAdded, changed] of made) {
          if (isAdded) index.add(changed)
          else index.remove(changed)
          if (isAdded) there.add(changed)
          else there.delete(changed)
          expect(index.replaceAll(text, '*')).toBe(loop(there, text))
        }
      }),
    )
  })

  test('are found at the beginning, at the end, and as the whole text', () => {
    const index = indexOf(['secret-one', 'another-secret'])
    expect(index.replaceAll('secret-one', '*')).toBe('*')
    expect(index.replaceAll('xsecret-oneanother-secret', '*')).toBe('x**')
    expect(index.replaceAll('secret-on another-secre', '*')).toBe('secret-on another-secre')
    expect(index.replaceAll('', '*')).toBe('')
  })

  test('do not change a mask, even if they are a part of it', () => {
    expect(indexOf(['secret', 'a secret key']).replaceAll('a secret key', '[secret]')).toBe('[secret]')
  })
})

describe('the cost of a text', () => {
  /** Counts the comparisons of a spelling with a text, for this number of spellings. */
  function comparisons(count: number, spell: (at: number) => string, text: string): number {
    let made = 0
    const index = new SecretIndex((whole, one, start) => {
      made++
      return whole.startsWith(one, start)
    })
    for (let at = 0; at < count; at++) index.add(spell(at))
    index.replaceAll(text, '*')
    return made
  }

  const line = JSON.stringify({ level: 'info', id: 'b1f7', model: 'openai/gpt-5-mini', outcome: 'ok' }).repeat(20)
  const random = Array.from({ length: 10_000 }, (_, at) => new Bun.CryptoHasher('sha256').update(`${at}`).digest('hex'))
  const spelled: readonly (readonly [string, (at: number) => string])[] = [
    ['of random digits', (at) => random[at] ?? ''],
    ['that begin alike', (at) => `sk-proj-gateway-${random[at]}`],
    ['that begin and end alike', (at) => `eyJhbGciOiJIUzI1NiJ9.${random[at]}-production`],
  ]
  for (const [how, spell] of spelled) {
    test(`is the same for 1 and for 10,000 spellings ${how}`, () => {
      expect([1, 1_000, 10_000].map((count) => comparisons(count, spell, line))).toEqual([0, 0, 0])
      const told = `${line} ${spell(0)} ${line}`
      // the first spelling may be indexed by a piece that all of them share
      for (const count of [1, 1_000, 10_000])
        expect(comparisons(count, spell, told)).toBeWithin(1, spell(0).length - 64 + gramLength)
    })
  }
})
