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

test('a fault of the caller is not retried, unless another upstream may accept the request', () => {
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

test('an SDK is told not to retry a request that the gateway has retried', () => {
  for (const reason of all) {
    const { retry, clientRetry } = new ChatError(reason, { message: '' }).meaning
    if (retry === 'any') expect(clientRetry).toBe(false)
  }
})

test('the gateway’s own codes are not redacted, even if one of their words is an operator’s key', () => {
  const key = new Secret('zebrafinch')
  const error = new ChatError('invalid-request', { message: 'a zebrafinch', code: 'no_zebrafinch_here' })
  expect(error).toMatchObject({ message: 'a [secret]', code: 'no_zebrafinch_here' })
  expect(key.reveal()).toBe('zebrafinch')
})

test('an error has the code of its reason, unless a more precise code is given', () => {
  expect(new ChatError('timeout', { message: '' }).code).toBe('upstream_timeout')
  expect(new ChatError('timeout', { message: '', code: 'upstream_idle_timeout' }).code).toBe('upstream_idle_timeout')
})

test('a thrown value other than a ChatError becomes an internal error without its text', () => {
  const thrown = new TypeError('/etc/secret is undefined')
  const error = asChatError(thrown)
  expect(error).toMatchObject({ reason: 'internal', cause: thrown })
  expect(error.message).not.toContain('secret')
  expect(asChatError('text').cause).toBe('text')
})

test('a ChatError is returned unchanged', () => {
  const error = new ChatError('cancelled', { message: '' })
  expect(asChatError(error)).toBe(error)
})
