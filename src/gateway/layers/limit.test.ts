import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { ChatError } from '../../chat/error.ts'
import type { Chat } from '../../flow/chat.ts'
import { events as eventsOf } from '../../flow/flow.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { aCall, aRequest, chatOf, drain, finish, silence, text } from '../chat.double.ts'
import { Permits } from '../permits.ts'
import { limit } from './limit.ts'

test('P19: of 1,000 calls at once only the limit runs, and the others are told when to try again', async () => {
  let running = 0
  let most = 0
  const open = Promise.withResolvers<void>()
  const chat: Chat = chatOf(async function* () {
    most = Math.max(most, ++running)
    await open.promise
    yield finish()
    running--
  })
  const limited = limit(new Permits(10))(chat)
  const calls = Array.from({ length: 1_000 }, () => drain(limited(aRequest, aCall())))
  open.resolve()
  const outcomes = await Promise.all(calls)
  const refused = outcomes.filter(({ thrown }) => thrown !== undefined)
  expect(most).toBe(10)
  expect(refused).toHaveLength(990)
  for (const { thrown } of refused)
    expect(thrown).toMatchObject({ reason: 'unavailable', code: 'overloaded', retryAfterMs: 1_000 })
})

test('P19: no permit is lost, whether calls end, fail, are aborted, are closed or never begin', async () => {
  const max = 3
  const chat: Chat = chatOf(async function* (request, { signal }) {
    yield text('a')
    if (request.model === 'ends') yield finish()
    else if (request.model === 'fails') throw new ChatError('upstream-failed', { message: '' })
    else await silence(signal)
  })
  const limited = limit(new Permits(max))(chat)
  const end = fc.constantFrom('ends', 'fails', 'aborts', 'leaves', 'never begins')
  await fc.assert(
    fc.asyncProperty(fc.array(end, { minLength: 1, maxLength: max }), async (ends) => {
      await Promise.all(
        ends.map(async (model) => {
          const controller = newCancel()
          const events = limited({ ...aRequest, model }, aCall(controller))
          if (model === 'never begins') return
          if (model === 'aborts') setTimeout(() => controller.abort(new ChatError('cancelled', { message: '' })), 0)
          if (model === 'leaves') for await (const _ of eventsOf(events)) break
          else await drain(events)
        }),
      )
      const controller = newCancel()
      const running = Array.from({ length: max + 1 }, () =>
        eventsOf(limited({ ...aRequest, model: 'waits' }, aCall(controller))),
      )
      const begun = await Promise.allSettled(running.map((iterator) => iterator.next()))
      expect(begun.filter(({ status }) => status === 'fulfilled')).toHaveLength(max)
      await Promise.all(running.map((iterator) => iterator.return(undefined)))
    }),
    { numRuns: runs(1_000) },
  )
})
