import { expect, test } from 'bun:test'
import { branchReceipt, newReceipt } from './call.ts'

test('the notes of a branch are in the receipt of the whole call too, except for the parameters', () => {
  const whole = newReceipt()
  whole.attempts++
  const [left, right] = [branchReceipt(whole), branchReceipt(whole)]
  left.upstream = 'groq'
  right.upstream = 'mistral'
  right.account = 'MISTRAL_API_KEY'
  left.parameters.set('seed', 'dropped')
  left.attempts++
  right.attempts++
  expect([left.upstream, right.upstream, whole.upstream]).toEqual(['groq', 'mistral', 'mistral'])
  expect([left.account, whole.account]).toEqual(['MISTRAL_API_KEY', 'MISTRAL_API_KEY'])
  expect([[...left.parameters], [...right.parameters], [...whole.parameters]]).toEqual([[['seed', 'dropped']], [], []])
  expect(whole.attempts).toBe(3)
})
