/**
 * Law 2: any split of the bytes on the wire decodes to the same events. The decoders are tested in memory with a split at
 * every offset. Over sockets only splits at interesting offsets are tested, or all of them with TRIBUTARY_TEST_FULL=1.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Chat } from '../../src/flow/chat.ts'
import { flat } from '../../src/flow/flow.double.ts'
import { isFull } from '../sizes.ts'
import { each } from '../waiting.ts'
import { bare, layered, type Outcome, outcomeIn, outcomeOf } from './ask.ts'
import { chosenSubjects } from './chosen-subjects.ts'
import { everyOffset, splitsOf } from './places.ts'
import type { Fixture, Framing, Rig } from './subject.ts'

/** Fewer than 256, Bun's default limit of concurrent fetches. */
const atOnce = 24

for (const subject of chosenSubjects) {
  const rig = await subject.start()
  afterAll(() => rig.close())

  /** Expects the same events as without a split, behind the same layers. */
  const expectSame = async (chat: Chat, { fixture, framing, splits }: Sent) => {
    const { events, thrown } = await outcomeOf(chat, rig.request({ fixture, framing, splits }))
    const unsplit = await outcomeOf(chat, rig.request({ fixture, framing }))
    expect({ splits, events, thrown }).toEqual({ splits, events: unsplit.events, thrown: undefined })
  }

  // a subject without a wire has no bytes to split
  if (rig.fixtures.length === 0) continue

  describe(subject.name, () => {
    for (const fixture of rig.fixtures) {
      const offsets = insideOf(fixture)
      test(`${fixture.name}: every single split, in memory`, () => expectSameInMemory(rig, fixture, offsets))
      test(`${fixture.name}: byte by byte, in memory`, () => expectSameInMemory(rig, fixture, [offsets]))
      test(`${fixture.name}: up to twelve splits anywhere, in memory`, () =>
        fc.assert(
          fc.asyncProperty(fc.subarray(offsets, { maxLength: 12 }), (splits) =>
            expectSameInMemory(rig, fixture, [splits]),
          ),
        ))
      test.concurrent(`${fixture.name}: up to twelve splits anywhere, behind every layer`, () => {
        const chat = layered(rig.upstream)
        return fc.assert(
          fc.asyncProperty(
            fc.array(fc.subarray(offsets, { maxLength: 12 }), { minLength: 5, maxLength: 5 }),
            fc.constantFrom(...rig.framings),
            (runs, framing) => each(runs, 5, (splits) => expectSame(chat, { fixture, framing, splits })),
          ),
          { numRuns: isFull ? 20 : 1 },
        )
      })
    }
    const splits = isFull ? everySplit(rig) : splitsOf(rig)
    test.concurrent(`${splits.length} splits over sockets`, () =>
      each(splits, atOnce, ({ fixture, framing, at }) =>
        expectSame(bare(rig.upstream), { fixture, framing, splits: [at] }),
      ))
    test.concurrent('byte by byte over sockets, in every framing', async () => {
      const [fixture] = rig.fixtures
      if (!fixture) throw new Error('there is no fixture')
      const splits = insideOf(fixture)
      await each(rig.framings, 3, (framing) => expectSame(bare(rig.upstream), { fixture, framing, splits }))
    })
  })
}

interface Sent {
  readonly fixture: Fixture
  readonly framing: Framing
  readonly splits: readonly number[]
}

/** Decodes a fixture once for each way to split it. A number is a single split. */
async function expectSameInMemory(
  rig: Rig,
  fixture: Fixture,
  ways: readonly (number | readonly number[])[],
): Promise<void> {
  const whole = await decode(rig, fixture, [])
  expect(whole.thrown).toBeUndefined()
  for (const way of ways) {
    const splits = typeof way === 'number' ? [way] : way
    const outcome = await decode(rig, fixture, splits)
    // `toEqual` is slower than the decoding, so it runs only for a difference
    if (!Bun.deepEquals(outcome, whole)) expect({ splits, ...outcome }).toEqual({ splits, ...whole })
  }
}

function decode(rig: Rig, fixture: Fixture, splits: readonly number[]): Promise<Outcome> {
  const edges = [0, ...splits, fixture.bytes.byteLength]
  const pieces = edges.slice(1).map((end, at) => fixture.bytes.subarray(edges[at], end))
  return outcomeIn(flat(rig.decode({ fixture, pieces, isBroken: false })))
}

/** Lists every offset within a fixture. */
function insideOf(fixture: Fixture): number[] {
  return everyOffset(fixture).slice(1, -1)
}

/** Lists every split of every fixture. The framings take turns, because the offsets do not depend on them. */
function everySplit({ fixtures, framings: [first = 'chunked', ...others] }: Rig) {
  const framings = [first, ...others]
  return fixtures.flatMap((fixture) =>
    insideOf(fixture).map((at) => ({ fixture, framing: framings[at % framings.length] ?? first, at })),
  )
}
