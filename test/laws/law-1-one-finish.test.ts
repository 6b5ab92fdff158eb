/**
 * Law 1: either a stream has exactly one finish for each choice, and only usage follows it, or it throws. Parts come in
 * order, and each is ended once.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ChatError } from '../../src/chat/error.ts'
import { times } from '../sizes.ts'
import { each } from '../waiting.ts'
import { forms, type Outcome, outcomeOf } from './ask.ts'
import { chosenSubjects } from './chosen-subjects.ts'
import { partFaultIn } from './part-order.ts'
import { cuts, type Reply, type Rig } from './subject.ts'

for (const subject of chosenSubjects) {
  const rig = await subject.start()
  afterAll(() => rig.close())

  describe(subject.name, () => {
    for (const [form, chat] of forms(rig.upstream)) {
      test(`an answer, ${form}`, async () => {
        expectOneEnd(await outcomeOf(chat, rig.request()), { choices: 1, isWhole: true })
      })
      for (const fixture of rig.fixtures) {
        test(`${fixture.name}, ${form}`, async () => {
          const outcome = await outcomeOf(chat, rig.request({ fixture, framing: 'chunked' }))
          expectOneEnd(outcome, { choices: fixture.choices, isWhole: true })
        })
      }
      if (rig.fixtures.length === 0) continue
      test.concurrent(`any reply cut anywhere, ${form}`, () =>
        fc.assert(
          fc.asyncProperty(fc.array(anyCut(rig), { minLength: 40, maxLength: 40 }), (replies) =>
            each(replies, 40, async (reply) =>
              expectOneEnd(await outcomeOf(chat, rig.request(reply)), { choices: reply.fixture.choices }),
            ),
          ),
          { numRuns: times(1, 8) },
        ))
    }
  })
}

function anyCut(rig: Rig): fc.Arbitrary<Reply> {
  return fc
    .record({
      fixture: fc.constantFrom(...rig.fixtures),
      framing: fc.constantFrom(...rig.framings),
      // a stall ends by a deadline, which law 3 tests
      ending: fc.constantFrom(...cuts.filter((cut) => cut !== 'stall')),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ part, ...reply }) => ({ ...reply, sent: Math.round(part * reply.fixture.bytes.byteLength) }))
}

function expectOneEnd({ events, thrown }: Outcome, wanted: { choices: number; isWhole?: boolean }): void {
  expect(partFaultIn(events)).toBeUndefined()
  const finishes = events.filter((event) => event.type === 'finish')
  expect(new Set(finishes.map(({ choice }) => choice)).size).toBe(finishes.length)
  for (const { choice } of finishes) {
    const own = events.filter((event) => event.choice === choice && event.type !== 'usage')
    expect(own.at(-1)?.type).toBe('finish')
  }
  if (wanted.isWhole)
    expect({ thrown, count: events.length > wanted.choices }).toEqual({ thrown: undefined, count: true })
  if (thrown === undefined) expect(finishes.length).toBe(wanted.choices)
  else {
    expect(thrown).toBeInstanceOf(ChatError)
    expect(finishes.length).toBeLessThan(wanted.choices)
  }
}
