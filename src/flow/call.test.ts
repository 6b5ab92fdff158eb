import { expect, test } from 'bun:test'
import { aCall } from '../gateway/chat.double.ts'
import { maxNotes } from './attempt-note.ts'
import { Attempts } from './attempts.ts'
import { beginAttempt, branchReceipt, newReceipt } from './call.ts'

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

test('so many attempts are noted, with names of any length, and all are counted', () => {
  const call = { ...aCall(), attempts: new Attempts(1_000) }
  for (let at = 0; at < 1_000; at++)
    beginAttempt(call, { upstream: 'up', account: 'KEY', request: { model: `${at} ${'m'.repeat(10_000)}` } }).onEnd({
      kind: 'done',
    })
  const { attempts, timeline } = call.receipt
  expect([attempts, timeline.length, timeline.at(-1)?.model.slice(0, 4)]).toEqual([1_000, maxNotes, '31 m'])
  expect(timeline.every(({ model, outcome }) => model.length <= 200 && outcome === 'ok')).toBe(true)
})

test('branches note their attempts in one timeline', () => {
  const call = aCall()
  const branch = { ...call, receipt: branchReceipt(call.receipt) }
  beginAttempt(call, { upstream: 'a', request: { model: 'm' } })
  beginAttempt(branch, { upstream: 'b', request: { model: 'm' } })
  expect(call.receipt.timeline.map(({ upstream }) => upstream)).toEqual(['a', 'b'])
})
