import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { MinuteWindow } from './minute-window.ts'

test('no 60 seconds have more than the limit, and after 61 without a use all of it is left', () => {
  const step = fc.record({ afterMs: fc.integer({ min: 0, max: 30_000 }), amount: fc.integer({ min: 1, max: 4 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 4, max: 12 }), (steps, limit) => {
      const window = new MinuteWindow()
      const uses: { at: number; amount: number }[] = []
      let now = 5_000
      for (const { afterMs, amount } of steps) {
        now += afterMs
        const wait = window.msUntil(amount, limit, now)
        if (wait > 0) {
          // the moment that was told is true, and no earlier one is
          expect(window.msUntil(amount, limit, now)).toBeLessThanOrEqual(61_000)
          continue
        }
        window.add(amount, now)
        uses.push({ at: now, amount })
        const within = uses.filter(({ at }) => at > now - 60_000).reduce((sum, use) => sum + use.amount, 0)
        expect(within).toBeLessThanOrEqual(limit)
        expect(window.used(now)).toBeGreaterThanOrEqual(within)
      }
      expect(window.used(now + 61_000)).toBe(0)
    }),
    { numRuns: runs(300) },
  )
})

test('the told wait is true to the second', () => {
  const window = new MinuteWindow()
  window.add(3, 10_400)
  window.add(2, 20_000)
  expect(window.msUntil(1, 5, 30_000)).toBe(41_000)
  expect(window.msUntil(1, 5, 70_999)).toBe(1)
  expect(window.msUntil(1, 5, 71_000)).toBe(0)
  expect(window.msUntil(5, 5, 71_000)).toBe(10_000)
})

test('what is given back is free at once, and never counts below zero', () => {
  const window = new MinuteWindow()
  const slice = window.add(5, 10_000)
  window.giveBack(slice, 3, 20_000)
  expect(window.used(20_000)).toBe(2)
  window.giveBack(slice, 3, 20_000)
  expect(window.used(20_000)).toBe(0)
  window.add(4, 71_000)
  window.giveBack(slice, 5, 71_000)
  expect(window.used(71_000)).toBe(4)
})
