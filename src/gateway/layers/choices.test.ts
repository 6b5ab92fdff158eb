import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { ChatError } from '../../chat/error.ts'
import type { Usage } from '../../chat/event.ts'
import { textOf } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { beginAttempt } from '../../flow/call.ts'
import type { Chat } from '../../flow/chat.ts'
import { readyFlow } from '../../flow/flow.double.ts'
import { fold } from '../../flow/fold.ts'
import { aCall, aRequest, chatOf, drain, finish, text } from '../chat.double.ts'
import { choices, sum } from './choices.ts'

const requestFor = (count: number): ChatRequest => ({ ...aRequest, parameters: { choices: count, seed: 1 } })
const emulated = choices({ parameters: { choices: 'emulated' } })

/** Answers with the number of the call, counted from 0. */
function countingChat() {
  const requests: ChatRequest[] = []
  const chat: Chat = chatOf(async function* (request, call) {
    const number = requests.push(request) - 1
    beginAttempt(call, { upstream: 'upstream', request: { model: 'model' } })
    yield text(`answer ${number}`)
    await Promise.resolve()
    yield finish()
    yield { type: 'usage', choice: 0, usage: { inputTokens: 10, outputTokens: number, source: 'upstream' } }
  })
  return { chat, requests }
}

test('an upstream that supports several answers gets one request for all of them', async () => {
  const { chat, requests } = countingChat()
  await drain(choices({ parameters: { choices: 'honoured' } })(chat)(requestFor(4), aCall()))
  expect(requests).toEqual([requestFor(4)])
})

test('for other upstreams, one call for each choice runs, all at the same time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 8 }), async (count) => {
      const { chat, requests } = countingChat()
      const call = aCall()
      const { events } = await drain(emulated(chat)(requestFor(count), call))
      const answer = await fold(readyFlow(events))
      expect(answer.choices.map(({ index, parts, finish }) => [index, textOf(parts), finish])).toEqual(
        Array.from({ length: count }, (_, at) => [at, `answer ${at}`, 'stop']),
      )
      expect(requests.every(({ parameters }) => parameters.choices === undefined && parameters.seed === 1)).toBe(true)
      expect(call.receipt.attempts).toBe(count)
      const usages = events.filter(({ type }) => type === 'usage')
      expect(usages).toEqual([
        {
          type: 'usage',
          choice: 0,
          usage: { inputTokens: 10 * count, outputTokens: (count * (count - 1)) / 2, source: 'upstream' },
        },
      ])
      expect(events.at(-1)?.type).toBe('usage')
    }),
  )
})

test('emulated answers together spend one attempt of the call, and each may spend all that are left', async () => {
  const left: number[] = []
  const chat: Chat = chatOf(async function* (_request, call) {
    beginAttempt(call, { upstream: 'upstream', request: { model: 'model' } })
    await Promise.resolve()
    left.push(call.attempts.left)
    yield finish()
  })
  const call = aCall()
  call.attempts.spend()
  await drain(emulated(chat)(requestFor(4), call))
  expect([left, call.attempts.left]).toEqual([[1, 1, 1, 1], 1])
})

test('one answer, requested or by default, is one call without the parameter', async () => {
  for (const request of [requestFor(1), aRequest]) {
    const { chat, requests } = countingChat()
    await drain(emulated(chat)(request, aCall()))
    expect(requests).toHaveLength(1)
    expect(requests[0]?.parameters.choices).toBeUndefined()
  }
})

test('the failure of one answer fails the request, and stops the others', async () => {
  const failure = new ChatError('upstream-failed', { message: 'cut' })
  let asked = 0
  let open = 0
  const chat: Chat = chatOf(async function* (_request, { signal }) {
    open++
    try {
      yield text('a')
      if (asked++ === 1) throw failure
      while (!signal.aborted) await Bun.sleep(0)
      throw signal.reason
    } finally {
      open--
    }
  })
  expect((await drain(emulated(chat)(requestFor(3), aCall()))).thrown).toBe(failure)
  // closing does not wait, so the calls end a moment later
  while (open > 0) await Bun.sleep(0)
})

test('a number that one usage lacks is not in the sum, and one estimate makes the sum an estimate', () => {
  const full: Usage = {
    inputTokens: 1,
    outputTokens: 2,
    totalTokens: 3,
    cachedInputTokens: 4,
    reasoningTokens: 5,
    source: 'upstream',
  }
  expect(sum([full, full])).toEqual({
    inputTokens: 2,
    outputTokens: 4,
    totalTokens: 6,
    cachedInputTokens: 8,
    reasoningTokens: 10,
    source: 'upstream',
  })
  expect(sum([full, { inputTokens: 0, source: 'estimate' }])).toEqual({ inputTokens: 1, source: 'estimate' })
})
