import { expect, test } from 'bun:test'
import { simulate } from './night.ts'

test('the first nights break no promise, and a seed gives the same history again', async () => {
  const [first, other, again] = [await simulate(1), await simulate(2), await simulate(1)]
  expect([...first.wrong, ...other.wrong]).toEqual([])
  expect(first.history.length).toBeGreaterThan(20)
  expect(again).toEqual(first)
  expect(other.hash).not.toBe(first.hash)
})

test('a stop while an upstream and its hedge are silent is an error, and no empty answer', async () => {
  expect((await simulate(2839)).wrong).toEqual([])
})
