import { expect, test } from 'bun:test'
import { ChatError, isReason, reasons } from '../../chat/error.ts'
import { Secret } from '../../chat/secret.ts'
import { encodeError, words } from './encode-error.ts'

test('every reason becomes an object with exactly OpenAI’s members', () => {
  for (const reason of Object.keys(reasons).filter(isReason))
    expect(encodeError(new ChatError(reason, { message: 'what happened' }))).toEqual({
      error: { message: 'what happened', param: null, ...words[reason] },
    })
})

test('a more precise code and the field at fault are passed on', () => {
  const error = new ChatError('invalid-request', { message: 'no', code: 'invalid_type', param: 'messages[0]' })
  expect(encodeError(error)).toEqual({
    error: { message: 'no', type: 'invalid_request_error', param: 'messages[0]', code: 'invalid_type' },
  })
})

test('a secret that became known after the error was made is redacted', () => {
  const error = new ChatError('upstream-failed', { message: 'refused quagga-0815' })
  const secret = new Secret('quagga-0815')
  expect(encodeError(error)).toMatchObject({ error: { message: 'refused [secret]' } })
  expect(secret.reveal()).toBe('quagga-0815')
})
