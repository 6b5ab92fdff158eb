import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { fromBase64, isBase64, toBase64 } from './base64.ts'

const float = fc.float({ noNaN: true })

test('numbers come back from base64 as 32-bit floats', () => {
  fc.assert(
    fc.property(fc.array(float, { minLength: 1 }), (numbers) => {
      expect(fromBase64(toBase64(numbers))).toEqual(numbers.map(Math.fround))
    }),
  )
})

test('base64 is four bytes a number, the low byte first', () => {
  expect(toBase64([1])).toBe(Buffer.from([0, 0, 0x80, 0x3f]).toString('base64'))
  expect(fromBase64('AACAPwAAAMA=')).toEqual([1, -2])
})

test('a text that is not base64 of whole numbers is none', () => {
  for (const text of ['', 'AACA', 'not base64 at all', 'AACAPw==AACA', '[0.1]'])
    expect([text, isBase64(text), fromBase64(text)]).toEqual([text, false, undefined])
})
