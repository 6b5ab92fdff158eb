import { expect, test } from 'bun:test'
import { names, RefusedFields } from './refused-fields.ts'

test('refused fields are kept for an hour, and only the latest ones if there are many', () => {
  let now = 0
  const refused = new RefusedFields()
  expect(refused.has('a', now)).toBe(false)
  refused.add('a', now)
  now = 3_599_999
  expect(refused.has('a', now)).toBe(true)
  now = 3_600_000
  expect(refused.has('a', now)).toBe(false)
  for (let count = 0; count < 100; count++) refused.add(`field ${count}`, now)
  expect([refused.has('field 35', now), refused.has('field 36', now), refused.has('field 99', now)]).toEqual([
    false,
    true,
    true,
  ])
})

test('a short name counts only if it is quoted', () => {
  expect(names('Please stop: the stream broke', 'stop')).toBe(false)
  expect(names("'stop' is not supported", 'stop')).toBe(true)
  expect(names('["body","stop"]', 'stop')).toBe(true)
  expect(names('temperature is not supported', 'temperature')).toBe(true)
})
