import { expect, test } from 'bun:test'
import { secondsIn } from './created.ts'

for (const created of [
  1_760_000_000,
  1_760_000_000.75,
  '1760000000',
  '1760000000.5',
  1_760_000_000_123,
  1.76e15,
  '1760000000000000000',
])
  test(`the time ${JSON.stringify(created)} is a whole number of seconds`, () => {
    expect(secondsIn(created)).toBe(1_760_000_000)
  })

for (const created of [
  null,
  undefined,
  0,
  -5,
  '',
  'now',
  '2026-01-01T00:00:00Z',
  {},
  [],
  true,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1e300,
])
  test(`${String(created)} (${typeof created}) is not a time`, () => expect(secondsIn(created)).toBeUndefined())
