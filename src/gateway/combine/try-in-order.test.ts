import { expect, test } from 'bun:test'
import { ChatError, type Reason } from '../../chat/error.ts'
import type { Chat } from '../../flow/chat.ts'
import { failedFlow } from '../../flow/flow.ts'
import { aborted } from '../../wire/machine.double.ts'
import { aCall, answering, aRequest, drain, finish, text } from '../chat.double.ts'
import { choices } from '../layers/choices.ts'
import { tryInOrder } from './try-in-order.ts'

/** Asks the chats in this order. */
const inOrder =
  (first: Chat, ...others: readonly Chat[]): Chat =>
  (request, call) => {
    const opening = (chat: Chat) => () => chat(request, call)
    return tryInOrder([opening(first), ...others.map(opening)], call)
  }

const failing = (reason: Reason) => answering(new ChatError(reason, { message: reason }))
const saying = (said: string) => answering(text(said), finish())

test('P21: another chat replaces one that fails before its first event', async () => {
  const chat = inOrder(failing('overloaded'), failing('model-not-found'), saying('c'))
  for (let call = 0; call < 3; call++)
    expect((await drain(chat(aRequest, aCall()))).events).toEqual([text('c'), finish()])
})

test('P8: no other chat replaces one that fails after its first event', async () => {
  const cut = new ChatError('upstream-failed', { message: 'cut' })
  const call = aCall()
  const chat = inOrder(answering(text('a'), cut), saying('b'))
  expect(await drain(chat(aRequest, call))).toEqual({ events: [text('a')], thrown: cut })
  expect(call.receipt.attempts).toBe(1)
})

test('after a failure that only the caller can correct, no other chat is asked', async () => {
  const call = aCall()
  expect((await drain(inOrder(failing('invalid-request'), saying('b'))(aRequest, call))).thrown).toMatchObject({
    reason: 'invalid-request',
  })
  expect(call.receipt.attempts).toBe(1)
})

test('if all fail, the last failure is reported, and no call makes more attempts than the limit', async () => {
  const call = aCall()
  const chat = inOrder(failing('overloaded'), failing('timeout'), failing('rate-limited'), saying('d'))
  expect((await drain(chat(aRequest, call))).thrown).toMatchObject({ reason: 'rate-limited' })
  expect(call.receipt.attempts).toBe(3)
  expect((await drain(inOrder(failing('overloaded'), failing('timeout'))(aRequest, aCall()))).thrown).toMatchObject({
    reason: 'timeout',
  })
})

test('if all are ejected, the client may come back when the first of them is tried again', async () => {
  const ejected = (retryAfterMs: number): Chat => {
    const error = new ChatError('unavailable', { message: '', code: 'upstream_unavailable', retryAfterMs })
    return () => failedFlow(error)
  }
  const retryAfterMs = async (...chats: readonly [Chat, ...Chat[]]) =>
    (await drain(inOrder(...chats)(aRequest, aCall()))).thrown
  expect(await retryAfterMs(ejected(9_000), ejected(3_000), ejected(5_000))).toMatchObject({ retryAfterMs: 3_000 })
  expect(await retryAfterMs(failing('overloaded'), ejected(3_000))).toMatchObject({ reason: 'overloaded' })
})

test('if several answers of one call fail at one chat, they are requested from the next chat', async () => {
  const several = choices({ parameters: { choices: 'emulated' } })
  const chat = inOrder(several(failing('overloaded')), several(saying('b')))
  const call = aCall()
  const { events, thrown } = await drain(chat({ ...aRequest, parameters: { choices: 4 } }, call))
  expect(thrown).toBeUndefined()
  expect(events.filter(({ type }) => type === 'text')).toHaveLength(4)
  expect(call.attempts.left).toBe(1)
})

test('the attempts in the receipt have no effect', async () => {
  const call = aCall()
  call.receipt.attempts = 99
  expect((await drain(inOrder(failing('overloaded'), saying('b'))(aRequest, call))).events).toEqual([
    text('b'),
    finish(),
  ])
})

test('an aborted call asks no further chat', async () => {
  const call = aCall(aborted(new ChatError('cancelled', { message: '' })))
  await drain(inOrder(failing('overloaded'), saying('b'))(aRequest, call))
  expect(call.receipt.attempts).toBe(0)
})
