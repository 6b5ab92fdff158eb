import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { ChatError } from '../../chat/error.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import type { Flow } from '../../flow/flow.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { Capacity } from '../capacity.ts'
import { aCall, aRequest, chatOf, drain, finish, silence, text } from '../chat.double.ts'
import { admit } from './admit.ts'

function setUp({ maxCalls = 10, maxWaiting = 5 } = {}) {
  const runtime = new ManualRuntime()
  const capacity = new Capacity({ maxCalls, maxWaiting }, runtime)
  const gate = Promise.withResolvers<void>()
  const running = { now: 0, most: 0 }
  const chat: Chat = chatOf(async function* ({ model }, { signal }) {
    running.most = Math.max(running.most, ++running.now)
    try {
      yield text('a')
      if (model === 'fails') throw new ChatError('upstream-failed', { message: '' })
      if (model === 'ends') await gate.promise
      else await silence(signal)
      yield finish()
    } finally {
      running.now--
    }
  })
  const admitted = admit(capacity)(chat)
  const ask = (model = 'ends', signal = new CancelSource(runtime), caller = aCall(signal).caller) =>
    admitted({ ...aRequest, model }, { ...aCall(signal), caller })
  return { runtime, capacity, gate, running, ask }
}

const refused = { reason: 'unavailable', code: 'overloaded' }

test('P19: of 1,000 calls at once the limit runs, some wait for their turn, and the others are told when to try again', async () => {
  const { capacity, gate, running, ask, runtime } = setUp()
  const calls = Array.from({ length: 1_000 }, () => drain(ask()))
  await runtime.settle()
  expect([capacity.running, capacity.waiting, capacity.shortage()]).toEqual([10, 5, 'calls'])
  gate.resolve()
  const outcomes = await Promise.all(calls)
  const failures = outcomes.flatMap(({ thrown }) => (thrown instanceof ChatError ? [thrown] : []))
  expect(running.most).toBe(10)
  expect(failures).toHaveLength(985)
  for (const failure of failures) {
    expect(failure).toMatchObject(refused)
    expect(failure.retryAfterMs).toBeWithin(1_000, 5_001)
  }
  expect([capacity.running, capacity.waiting, capacity.shortage()]).toEqual([0, 0, undefined])
})

test('P19: a call whose caller has limits waits too if the last place is taken before its first read', async () => {
  const { runtime, capacity, gate, ask } = setUp({ maxCalls: 1 })
  const limited = { ...aCall(new CancelSource(runtime)).caller, limits: { concurrent: 2 } }
  const [first, second] = [ask('ends', undefined, limited), ask('ends', undefined, limited)]
  const outcomes = [drain(first), drain(second)]
  await runtime.settle()
  expect([capacity.running, capacity.waiting]).toEqual([1, 1])
  gate.resolve()
  for (const { thrown } of await Promise.all(outcomes)) expect(thrown).toBeUndefined()
})

test('P19: a call that has waited for too long is refused, and the place is not lost', async () => {
  const { capacity, ask, runtime } = setUp({ maxCalls: 1 })
  const first = ask('stays')
  await first.next()
  const waiting = drain(ask())
  await runtime.advance(9_900)
  expect(capacity.waiting).toBe(1)
  await runtime.advance(200)
  expect((await waiting).thrown).toMatchObject(refused)
  first.close()
  expect([capacity.running, capacity.waiting]).toEqual([0, 0])
  expect(runtime.timers.size).toBe(0)
})

test('P19: no place is lost, whether calls end, fail, are aborted, are closed or never begin, while they run or wait', async () => {
  const kind = fc.constantFrom('ends', 'fails', 'aborts', 'leaves', 'never begins')
  await fc.assert(
    fc.asyncProperty(fc.array(kind, { minLength: 1, maxLength: 8 }), async (kinds) => {
      const { capacity, gate, ask, runtime } = setUp({ maxCalls: 3 })
      const calls = kinds.map((model) => {
        const signal = new CancelSource(runtime)
        const flow = ask(model, signal)
        const drained = model === 'never begins' ? undefined : drain(flow)
        return { model, signal, flow, drained }
      })
      await runtime.settle()
      for (const { model, signal, flow } of calls) {
        if (model === 'aborts') signal.abort(new ChatError('cancelled', { message: '' }))
        if (model === 'leaves') flow.close()
      }
      gate.resolve()
      await runtime.settle()
      for (const { flow } of calls) flow.close()
      await Promise.all(calls.map(({ drained }) => drained))
      expect([capacity.running, capacity.waiting, runtime.timers.size]).toEqual([0, 0, 0])
    }),
    { numRuns: runs(300) },
  )
})

test('P27: while memory is short, a few calls run, and the others are told when to try again', async () => {
  const { runtime, capacity, ask } = setUp({ maxCalls: 1_000 })
  const begun: Flow[] = []
  const begin = async () => {
    const flow = ask('stays')
    begun.push(flow)
    await flow.next()
  }
  runtime.usedBytes = 0.8 * 1024 ** 3
  for (let count = 0; count < 20; count++) await begin()
  expect(runtime.measurements).toBe(1)
  await runtime.advance(100)
  runtime.usedBytes = 0.9 * 1024 ** 3
  const refusal = { ...refused, message: expect.stringContaining('memory') }
  for (let count = 0; count < 20; count++) await expect(begin()).rejects.toMatchObject(refusal)
  expect(capacity.shortage()).toBe('memory')
  expect(runtime.measurements).toBe(2)
  for (const flow of begun.splice(0)) flow.close()
  for (let count = 0; count < 8; count++) await begin()
  await expect(begin()).rejects.toMatchObject(refusal)
  runtime.usedBytes = 0
  await runtime.advance(100)
  await begin()
  for (const flow of begun) flow.close()
})

test('P27: while the event loop is late for two seconds, no call begins, and again as soon as it is not', async () => {
  const { runtime, capacity, ask } = setUp({ maxCalls: 100 })
  const begun = Array.from({ length: 10 }, () => ask('stays'))
  for (const flow of begun) await flow.next()
  // one long piece of work is no overload
  await runtime.sleepThrough(5_000)
  expect(capacity.shortage()).toBeUndefined()
  await runtime.advance(100)
  for (let at = 0; at < 5; at++) await runtime.sleepThrough(700)
  expect(capacity.shortage()).toBe('event-loop')
  expect((await drain(ask())).thrown).toMatchObject({ ...refused, message: expect.stringContaining('work') })
  await runtime.advance(200)
  expect(capacity.shortage()).toBeUndefined()
  for (const flow of begun) flow.close()
  // an idle process does not look
  expect(runtime.timers.size).toBe(0)
})
