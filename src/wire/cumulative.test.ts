import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { CumulativeText } from './cumulative.ts'

/** Returns the piece that is emitted for each text. */
function grown(...texts: readonly string[]): string[] {
  const text = new CumulativeText()
  return texts.map((whole) => text.grow(whole))
}

const revised = expect.objectContaining({ reason: 'upstream-failed', code: 'upstream_bad_response' })

test('a growing text is emitted piece by piece', () => {
  expect(grown('Hel', 'Hello', 'Hello, world')).toEqual(['Hel', 'lo', ', world'])
})

test('the same text again adds nothing', () => {
  expect(grown('', 'Hello', 'Hello', 'Hello!')).toEqual(['', 'Hello', '', '!'])
})

test('an older text that comes late changes nothing', () => {
  expect(grown('Hello', 'Hel', '', 'Hello!')).toEqual(['Hello', '', '', '!'])
})

for (const [what, ...texts] of [
  ['its tail', 'Hello wrld', 'Hello world'],
  ['its head', 'Hello', 'hello there'],
  ['all of it', 'Hello', 'Bye'],
] as const)
  test(`a text that revises ${what} is an error`, () => {
    expect(() => grown(...texts)).toThrow(revised)
  })

describe('a character in two halves', () => {
  const [high, low] = ['\ud83d', '\ude00']

  test('is emitted whole', () => {
    expect(grown(`a${high}`, `a${high}`, `a${high}${low}b`)).toEqual(['a', '', `${high}${low}b`])
  })

  test('whose first half is taken back is not emitted', () => {
    expect(grown(`a${high}`, 'abc')).toEqual(['a', 'bc'])
    expect(grown(high, 'Hello')).toEqual(['', 'Hello'])
  })

  test('with only one half is replaced, and so is the other half if it comes later', () => {
    expect(grown(`${high}${high}`, high, `${high}${high}`, `${high}${high}a`)).toEqual(['\ufffd', '', '', '\ufffda'])
    const text = new CumulativeText()
    expect([text.grow(`a${high}`), text.end(), text.end()]).toEqual(['a', '\ufffd', ''])
    expect(grown(`${high}a`, `${high}a${low}`)).toEqual(['\ufffda', '\ufffd'])
  })
})

describe('the whole text at the end', () => {
  test('adds what is missing', () => {
    const text = new CumulativeText()
    expect([text.grow('Hel'), text.finish('Hello\ud83d')]).toEqual(['Hel', 'lo\ufffd'])
  })

  test('that is empty adds nothing', () => {
    const text = new CumulativeText()
    expect([text.grow('Hello\ud83d'), text.finish('')]).toEqual(['Hello', '\ufffd'])
  })

  for (const whole of ['Hel', 'Help', 'x'])
    test(`"${whole}" contradicts "Hello"`, () => {
      const text = new CumulativeText()
      text.grow('Hello')
      expect(() => text.finish(whole)).toThrow(revised)
    })
})

const anyText = fc.string({ unit: fc.constantFrom('a', 'é', '\u{1f600}', '\ud83d', '\ude00', '👩‍👩‍👧', '\n') })

test('any text with cuts, repetitions and late pieces is emitted whole, in whole characters', () => {
  fc.assert(
    fc.property(anyText, fc.array(fc.nat()), fc.boolean(), (whole, marks, isRepeated) => {
      const text = new CumulativeText()
      const cuts = marks.map((mark) => mark % (whole.length + 1))
      const said = cuts.map((cut) => text.grow(whole.slice(0, cut)))
      said.push(isRepeated ? text.finish(whole) : text.grow(whole) + text.end())
      expect(said.join('')).toBe(whole.toWellFormed())
      expect(said.every((piece) => piece.isWellFormed())).toBe(true)
    }),
  )
})

test('any text that contradicts the emitted text is an error', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 })), (texts) => {
      const text = new CumulativeText()
      let given = ''
      for (const whole of texts) {
        const isContradiction = !whole.startsWith(given) && !given.startsWith(whole)
        if (isContradiction) return expect(() => text.grow(whole)).toThrow(revised)
        given += text.grow(whole)
        expect(given.startsWith(whole)).toBe(true)
      }
    }),
  )
})
