/** Law 2: any split of the bytes on the wire decodes to the same events. */
import { afterAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Chat } from '../../src/flow/chat.ts'
import { each } from '../waiting.ts'
import { bare, layered, outcomeOf } from './ask.ts'
import type { Fixture, Framing } from './subject.ts'
import { subjects } from './subjects.ts'

/** Below Bun's limit of 256 fetches in a process that has not raised it. */
const atOnce = 24

for (const subject of subjects) {
  const rig = await subject.start()
  afterAll(() => rig.close())

  /** The same events as without a split, behind the same layers. */
  const expectSame = async (chat: Chat, { fixture, framing, splits }: Sent) => {
    const { events, thrown } = await outcomeOf(chat, rig.request({ fixture, framing, splits }))
    const unsplit = await outcomeOf(chat, rig.request({ fixture, framing }))
    expect({ splits, events, thrown }).toEqual({ splits, events: unsplit.events, thrown: undefined })
  }

  describe(subject.name, () => {
    for (const fixture of rig.fixtures) {
      const offsets = Array.from({ length: fixture.bytes.byteLength - 1 }, (_, at) => at + 1)
      test.concurrent(`${fixture.name}: every single split`, () =>
        each(offsets, atOnce, (at) =>
          expectSame(bare(rig.upstream), { fixture, framing: framingAt(at, rig.framings), splits: [at] }),
        ))
      test.concurrent(`${fixture.name}: byte by byte, in every framing`, () =>
        each(rig.framings, 3, (framing) => expectSame(bare(rig.upstream), { fixture, framing, splits: offsets })))
      test.concurrent(`${fixture.name}: up to twelve splits anywhere, behind every layer`, () => {
        const chat = layered(rig.upstream)
        return fc.assert(
          fc.asyncProperty(
            fc.array(fc.subarray(offsets, { maxLength: 12 }), { minLength: 10, maxLength: 10 }),
            fc.constantFrom(...rig.framings),
            (runs, framing) => each(runs, 10, (splits) => expectSame(chat, { fixture, framing, splits })),
          ),
          { numRuns: 10 },
        )
      })
    }
  })
}

interface Sent {
  readonly fixture: Fixture
  readonly framing: Framing
  readonly splits: readonly number[]
}

/** The framings in turn: where a split falls does not depend on them. */
function framingAt(at: number, framings: readonly Framing[]): Framing {
  return framings[at % framings.length] ?? 'chunked'
}
