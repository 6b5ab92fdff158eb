import { describe, expect, test } from 'bun:test'
import { headOf, headOfBytes, withoutMiddle } from './shorten.ts'

const texts = [
  '',
  'a',
  'abcdef',
  'ü'.repeat(200),
  '😀'.repeat(200),
  'a😀'.repeat(100),
  `${'a'.repeat(99)}😀${'b'.repeat(99)}`,
]

describe('a shortened text', () => {
  for (const [at, whole] of texts.entries())
    test(`is never cut within a character, and is as long as possible (${at})`, () => {
      for (let length = 0; length <= whole.length + 1; length++) {
        const head = headOf(whole, length)
        expect(whole.startsWith(head) && head.isWellFormed()).toBe(true)
        expect(head.length).toBeGreaterThanOrEqual(Math.min(length - 1, whole.length))
        expect(head.length).toBeLessThanOrEqual(length)
        const bytes = headOfBytes(whole, length)
        expect(whole.startsWith(bytes) && bytes.isWellFormed()).toBe(true)
        expect(Buffer.byteLength(bytes)).toBeLessThanOrEqual(length)
        expect(Buffer.byteLength(bytes)).toBeGreaterThan(Math.min(length, Buffer.byteLength(whole)) - 4)
      }
    })

  test('that is cut in its middle keeps both ends, and says how much is missing', () => {
    const whole = `${'a'.repeat(5_000)}${'z'.repeat(5_000)}`
    const cut = withoutMiddle(whole, 1_000)
    expect(cut).toMatch(/^a+\n\[… 9060 characters are left out here …\]\nz+$/)
    expect(cut.length).toBeLessThanOrEqual(1_000)
    for (let length = 100; length < 140; length++) {
      const emoji = withoutMiddle('😀'.repeat(1_000), length)
      expect(emoji.isWellFormed()).toBe(true)
      expect(emoji.length).toBeLessThanOrEqual(length)
    }
  })

  test('is unchanged if it is short enough', () => {
    expect(withoutMiddle('abc', 3)).toBe('abc')
    expect(headOf('abc', 3)).toBe('abc')
    expect(headOfBytes('ü', 2)).toBe('ü')
  })
})
