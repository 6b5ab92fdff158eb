import { expect, test } from 'bun:test'
import { isDone } from './frame-value.ts'

test('the end marker of a stream may be written in many ways', () => {
  for (const data of ['[DONE]', ' [done] ', '"[DONE]"', 'data: [DONE]']) expect(isDone({ data })).toBe(true)
  for (const data of ['', '[DONE]', 'true', 'null', '{}']) expect(isDone({ event: 'done', data })).toBe(true)
  for (const data of ['', 'DONE', '{"a":"[DONE]"}']) expect(isDone({ data })).toBe(false)
})

test('a `done` event of any length is checked in linear time', () => {
  // many signs and then a letter: the pattern alone would take minutes for a megabyte
  expect(isDone({ event: 'done', data: `${'-'.repeat(1024 * 1024)}x` })).toBe(false)
})
