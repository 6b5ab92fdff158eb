import { expect, test } from 'bun:test'
import { branchReceipt, newReceipt } from './call.ts'

test('a branch counts its own attempts, and all of them count for the whole', () => {
  const whole = newReceipt()
  whole.attempts++
  const [left, right] = [branchReceipt(whole), branchReceipt(whole)]
  left.attempts++
  left.attempts++
  right.attempts++
  expect([left.attempts, right.attempts, whole.attempts]).toEqual([2, 1, 4])
})

test('what a branch notes of the upstream and of parameters stands in the whole', () => {
  const whole = newReceipt()
  const branch = branchReceipt(whole)
  branch.upstream = 'groq'
  branch.parameters.set('seed', 'dropped')
  expect(whole.upstream).toBe('groq')
  expect(branch.upstream).toBe('groq')
  expect([...whole.parameters]).toEqual([['seed', 'dropped']])
})
