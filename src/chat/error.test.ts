import { expect, test } from 'bun:test'
import { asChatError, ChatError, type Reason, reasons } from './error.ts'
import { Secret } from './secret.ts'

const all = Object.keys(reasons).filter((key): key is Reason => key in reasons)

test('an upstream that refuses our account is never a 401, 402 or 403 of the client', () => {
  for (const reason of all) {
    const { status, account } = new ChatError(reason, { message: '' }).meaning
    if (account !== 'unchanged') expect([401, 402, 403]).not.toContain(status)
  }
})

test('what the caller must mend is tried nowhere else, except where another upstream may be able', () => {
  for (const reason of all) {
    const { status, retry, breaker } = new ChatError(reason, { message: '' }).meaning
    if (status >= 400 && status < 500 && status !== 429) {
      expect(retry).not.toBe('any')
      expect(breaker).toBe(false)
    }
  }
})

test('P20: only failures of the upstream itself count against its health', () => {
  const counting = all.filter((reason) => new ChatError(reason, { message: '' }).meaning.breaker)
  expect(counting.toSorted()).toEqual(['overloaded', 'timeout', 'upstream-failed'])
})

test('an SDK is told not to retry what was retried here already', () => {
  for (const reason of all) {
    const { retry, clientRetry } = new ChatError(reason, { message: '' }).meaning
    if (retry === 'any') expect(clientRetry).toBe(false)
  }
})

test('a code of ours is what clients look for, also where a word of it is some operator’s key', () => {
  const key = new Secret('zebrafinch')
  const error = new ChatError('invalid-request', { message: 'a zebrafinch', code: 'no_zebrafinch_here' })
  expect(error).toMatchObject({ message: 'a [secret]', code: 'no_zebrafinch_here' })
  expect(key.reveal()).toBe('zebrafinch')
})

test('an error has the code of its reason, unless it brings a finer one', () => {
  expect(new ChatError('timeout', { message: '' }).code).toBe('upstream_timeout')
  expect(new ChatError('timeout', { message: '', code: 'upstream_idle_timeout' }).code).toBe('upstream_idle_timeout')
})

test('a thrown value that is no ChatError is our own failure, and none of its text is shown', () => {
  const thrown = new TypeError('/etc/secret is undefined')
  const error = asChatError(thrown)
  expect(error).toMatchObject({ reason: 'internal', cause: thrown })
  expect(error.message).not.toContain('secret')
  expect(asChatError('text').cause).toBe('text')
})

test('a ChatError stays the one it is', () => {
  const error = new ChatError('cancelled', { message: '' })
  expect(asChatError(error)).toBe(error)
})
