/**
 * Law 3: a cut before the upstream's own end marker throws, at any byte. A cut after the marker changes nothing. The decoders
 * are tested in memory with every cut. Over sockets only cuts at interesting offsets are tested, or all of them with
 * TRIBUTARY_TEST_FULL=1.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { ChatError } from '../../src/chat/error.ts'
import { flat } from '../../src/flow/flow.double.ts'
import { each } from '../waiting.ts'
import { bare, type Outcome, outcomeIn, outcomeOf } from './ask.ts'
import { chosenSubjects } from './chosen-subjects.ts'
import { everyOffset, type Place, placesOf } from './places.ts'
import { cuts, type Rig } from './subject.ts'

/** Concurrent requests of each kind. Nine kinds run at the same time, together below Bun's limit of 256 fetches. */
const atOnce = { rst: 8, fin: 8, stall: 60 } as const
/**
 * Milliseconds of silence after which a stalled upstream is given up. They are more after the marker, which must be
 * read by then.
 */
const idleMs = { before: 60, after: 600 } as const
/** Milliseconds within which bytes with an end marker are read. */
const readMs = 60
/** If an expected end is missing, the test is repeated with these multiples of both times, because the machine may have paused. */
const moreTime = [5, 25] as const

/** The two ways in which bytes in memory end, each with the framing and cut of a socket that ends in the same way. */
const endings = [
  { name: 'ends', isBroken: false, framing: 'close', cut: 'fin' },
  { name: 'breaks', isBroken: true, framing: 'chunked', cut: 'rst' },
] as const

for (const subject of chosenSubjects) {
  const rig = await subject.start()
  afterAll(() => rig.close())

  // a subject without a wire has no bytes to cut
  if (rig.fixtures.length === 0) continue

  describe(subject.name, () => {
    for (const fixture of rig.fixtures)
      for (const { name, isBroken, ...way } of endings)
        test(`${fixture.name}, cut at every offset, in memory, where it ${name}`, async () => {
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
        test.concurrent(`replies cut at ${own.length} offsets, over sockets: ${framing}, ${cut}`, () =>
          each(own, atOnce[cut], async (place) => {
            let outcome = await outcomeAt(rig, place)
            for (const times of moreTime)
              if (lacksExpectedEnd(outcome, place)) outcome = await outcomeAt(rig, place, times)
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

function lacksExpectedEnd({ thrown }: Outcome, { fixture, framing, cut, sent }: Place): boolean {
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
