import { expect, test } from 'bun:test'
import { Attempts, maxAttempts } from './attempts.ts'

test('each attempt lowers the number that is left, but never below zero', () => {
  const attempts = new Attempts(2)
  const seen = [attempts.left]
  for (let at = 0; at < 3; at++) {
    attempts.spend()
    seen.push(attempts.left)
  }
  expect(seen).toEqual([2, 1, 0, 0])
  expect(attempts.spent).toBe(3)
  expect(new Attempts().left).toBe(maxAttempts)
})

test('each branch may use all attempts that are left, and the whole has used as many as its longest branch', () => {
  const whole = new Attempts(3)
  whole.spend()
  const [left, right] = [whole.branch(), whole.branch()]
  expect([left.spent, left.left]).toEqual([1, 2])
  left.spend()
  right.spend()
  expect([left.left, right.left, whole.left]).toEqual([1, 1, 1])
  left.spend()
  expect([left.left, right.left, whole.left]).toEqual([0, 1, 0])
  // a branch of a branch counts for both
  const inner = right.branch()
  inner.spend()
  expect([inner.left, right.left, whole.left]).toEqual([0, 0, 0])
})

test('each branch knows the account of its own last attempt', () => {
  const whole = new Attempts()
  const [left, right] = [whole.branch(), whole.branch()]
  left.spend({ account: 'a' })
  right.spend({ account: 'b' })
  expect([left.last.account, right.last.account, whole.last.account]).toEqual(['a', 'b', undefined])
  left.spend()
  expect(left.last.account).toBeUndefined()
})

test('a branch that has spent its own limit may grow by what the whole has left', () => {
  const whole = new Attempts(3)
  whole.spend()
  const branch = whole.branch(1)
  expect([branch.grow(), branch.left]).toEqual([true, 1])
  branch.spend()
  expect([branch.left, branch.grow(), branch.left]).toEqual([0, true, 1])
  branch.spend()
  expect([branch.grow(), branch.left, whole.left]).toEqual([false, 0, 0])
})
