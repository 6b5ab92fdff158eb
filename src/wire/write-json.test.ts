import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isLong, jsonPieces, roughLength } from '../chat/json-pieces.ts'
import { slicesOf } from '../chat/slices.ts'
import { encodeInSteps, joinBytes } from './join-bytes.ts'
import { writeJson } from './write-json.ts'

const text = (pieces: readonly Uint8Array[]) => Buffer.concat(pieces).toString()
const maxStep = 512 * 1024

/** Values with over a megabyte of JSON each. */
const long: Readonly<Record<string, unknown>> = {
  'one text of ASCII': { a: 'QUJD'.repeat(500_000), b: 1 },
  'one text of Cyrillic': { messages: [{ content: 'Слово '.repeat(300_000) }] },
  'a text with escapes': [`"\\\n\u0001\u2028${'a "line"\n'.repeat(200_000)}`],
  'a text of surrogate pairs': ['😀'.repeat(400_000), `x${'😀'.repeat(400_000)}`],
  'a text of lone surrogates': ['\ud83d'.repeat(300_000), '\ude00'.repeat(300_000)],
  'many small items': { a: Array(400_000).fill(1), b: Array(300_000).fill(null), c: Array(300_000).fill({}) },
  'many items, of which some are long': Array.from({ length: 300 }, (_, at) => 'x'.repeat(at * 500)),
  'many members': Object.fromEntries(Array.from({ length: 60_000 }, (_, at) => [`key "${at}"`, `value ${at}`])),
  'lists in lists': [[[['a'.repeat(900_000)], []], {}], [Array(100_000).fill([[]])]],
}

describe('a long value', () => {
  for (const [name, value] of Object.entries(long)) {
    test(`${name}: it is written like JSON.stringify writes it`, async () => {
      const written = await writeJson(value)
      if (typeof written === 'string') throw new Error('written at once')
      expect(text(written) === JSON.stringify(value)).toBe(true)
    })

    test(`${name}: no step is over 512 KB`, async () => {
      const steps: number[] = []
      await writeJson(value, { pause: async (bytes) => void steps.push(bytes) })
      expect(Math.max(...steps)).toBeLessThanOrEqual(maxStep)
      expect(steps.length).toBeGreaterThan(4)
    })
  }

  test('undefined members and items are left out like in JSON.stringify', () => {
    const value = { a: undefined, b: [undefined, 'x'.repeat(200_000), undefined], c: { d: undefined }, '"': 1 }
    expect([...jsonPieces(value)].join('')).toBe(JSON.stringify(value))
    expect([...jsonPieces({ a: undefined, b: 'x'.repeat(200_000) })].join('')).toStartWith('{"b":"x')
    expect(isLong([...Array(70_000)])).toBe(true)
    expect([...jsonPieces([...Array(70_000)])].join('')).toBe(JSON.stringify([...Array(70_000)]))
  })

  test('a number with its own digits is unchanged', () => {
    const value = { pad: 'x'.repeat(200_000), seed: JSON.rawJSON('12345678901234567890') }
    expect([...jsonPieces(value)].join('')).toBe(JSON.stringify(value))
  })

  test('any value is written like JSON.stringify writes it', () => {
    const pad = fc.nat(3).map((megabyteThird) => 'é'.repeat(megabyteThird * 90_000))
    fc.assert(
      fc.property(fc.array(fc.oneof(pad, fc.jsonValue({ maxDepth: 4 })), { maxLength: 6 }), (value) => {
        expect([...jsonPieces(value)].join('') === JSON.stringify(value)).toBe(true)
      }),
      { numRuns: 200 },
    )
  }, 60_000)
})

test('a short value is written at once', () => {
  const value = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(100_000) }] }
  expect(writeJson(value)).toBe(JSON.stringify(value))
})

test('the estimated length is close to the real length', () => {
  for (const value of Object.values(long)) {
    const ratio = roughLength(value) / JSON.stringify(value).length
    expect(ratio).toBeGreaterThan(0.15)
    expect(ratio).toBeLessThan(4)
  }
})

test('a text is never cut within a character', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', '漢', '😀', '\ud83d', '\ude00')),
      fc.integer({ min: 2, max: 5 }),
      (some, length) => {
        const slices = [...slicesOf(some.join(''), length)]
        expect(slices.join('')).toBe(some.join(''))
        for (const slice of slices) expect(slice.length).toBeLessThanOrEqual(length)
        if (some.join('').isWellFormed()) for (const slice of slices) expect(slice.isWellFormed()).toBe(true)
      },
    ),
  )
})

test('pieces of any length are joined, and texts are encoded', async () => {
  for (const characters of [0, 5, 700_000, 1_500_000]) {
    const whole = '漢😀é'.repeat(characters / 3)
    const bytes = await encodeInSteps(whole)
    expect(bytes.equals(Buffer.from(whole))).toBe(true)
    const pieces = Array.from({ length: Math.ceil(bytes.length / 32_768) }, (_, at) =>
      bytes.subarray(at * 32_768, (at + 1) * 32_768),
    )
    expect((await joinBytes(pieces)).equals(Buffer.from(whole))).toBe(true)
  }
})
