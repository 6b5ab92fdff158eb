/**
 * Law 3: cutting the upstream at any byte before its own end marker throws; from the marker on a cut takes nothing away. The
 * decoders are shown every cut in memory; over sockets go those at which something happens, and with TRIBUTARY_TEST_FULL=1 all.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { ChatError } from '../../src/chat/error.ts'
import { flat } from '../../src/flow/flow.double.ts'
import { each } from '../waiting.ts'
import { bare, type Outcome, outcomeIn, outcomeOf } from './ask.ts'
import { chosenSubjects } from './chosen-subjects.ts'
import { everyOffset, type Place, placesOf } from './places.ts'
import { cuts, type Rig } from './subject.ts'

/** Requests at once of one of the nine kinds that run side by side: together below Bun's limit of 256 fetches. */
const atOnce = { rst: 8, fin: 8, stall: 60 } as const
/** Milliseconds of silence after which a stalled upstream is given up. Before the marker that may come too early, later not. */
const idleMs = { before: 60, after: 600 } as const
/** Milliseconds in which bytes with an end marker have been read. */
const readMs = 60
/** How many times as long both last when an end that was owed is missing: a pause of the machine may have eaten the time. */
const moreTime = [5, 25] as const

/** How bytes in memory may end, and the way over a socket that ends so. */
const endings = [
  { name: 'ends', isBroken: false, framing: 'close', cut: 'fin' },
  { name: 'breaks', isBroken: true, framing: 'chunked', cut: 'rst' },
] as const

for (const subject of chosenSubjects) {
  const rig = await subject.start()
  afterAll(() => rig.close())

  // without a wire there is nothing to cut
  if (rig.fixtures.length === 0) continue

  describe(subject.name, () => {
    for (const fixture of rig.fixtures)
      for (const { name, isBroken, ...way } of endings)
        test(`${fixture.name} at every offset, in memory, where it ${name}`, async () => {
          for (const sent of everyOffset(fixture)) {
            const pieces = [fixture.bytes.subarray(0, sent)]
            const outcome = await outcomeIn(flat(rig.decode({ fixture, pieces, isBroken })))
            expectVerdict(outcome, { fixture, ...way, sent })
          }
        })
    const places = placesOf(rig)
    for (const cut of cuts)
      for (const framing of rig.framings) {
        const own = places.filter((place) => place.cut === cut && place.framing === framing)
        test.concurrent(`at ${own.length} offsets, over sockets: ${framing}, ${cut}`, () =>
          each(own, atOnce[cut], async (place) => {
            let outcome = await outcomeAt(rig, place)
            for (const times of moreTime) if (lacksItsEnd(outcome, place)) outcome = await outcomeAt(rig, place, times)
            expectVerdict(outcome, place)
          }))
      }
  })
}

function outcomeAt(rig: Rig, { fixture, framing, cut, sent }: Place, times = 1): Promise<Outcome> {
  const isMarked = sent >= fixture.endMarker(framing, cut).from
  const chat = bare(rig.upstream, cut === 'stall' ? (isMarked ? idleMs.after * times : idleMs.before) : undefined)
  return outcomeOf(
    chat,
    rig.request({ fixture, framing, sent, ending: cut, endDelayMs: isMarked ? readMs * times : 0 }),
  )
}

function lacksItsEnd({ thrown }: Outcome, { fixture, framing, cut, sent }: Place): boolean {
  return thrown !== undefined && sent >= fixture.endMarker(framing, cut).to
}

function expectVerdict({ events, thrown }: Outcome, { fixture, framing, cut, sent }: Place): void {
  const { from, to } = fixture.endMarker(framing, cut)
  const finished = events.filter(({ type }) => type === 'finish').length
  const said = { fixture: fixture.name, sent, threw: thrown !== undefined, isWhole: finished === fixture.choices }
  if (sent < from) expect(said).toEqual({ fixture: fixture.name, sent, threw: true, isWhole: false })
  else if (sent >= to) expect(said).toEqual({ fixture: fixture.name, sent, threw: false, isWhole: true })
  else expect(said.threw).toBe(!said.isWhole)
  if (thrown !== undefined) expect(thrown).toBeInstanceOf(ChatError)
}
