/**
 * Law 3: cutting the upstream at any byte before its own end marker throws; from the marker on a cut takes nothing away.
 * In a rig's first framing that is every byte. In the others it is each fifth, and all around the end marker, where they
 * differ; with TRIBUTARY_TEST_FULL=1 every byte, too.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { ChatError } from '../../src/chat/error.ts'
import { each } from '../waiting.ts'
import { bare, type Outcome, outcomeOf } from './ask.ts'
import { type Cut, cuts, type Fixture, type Framing, type Rig } from './subject.ts'
import { subjects } from './subjects.ts'

const stride = process.env.TRIBUTARY_TEST_FULL === '1' ? 1 : 5
/** Bytes before an end marker at which every cut is made. */
const nearBytes = 24

/** Requests at once of one of the nine kinds that run side by side: together below Bun's limit of 256 fetches. */
const atOnce = { rst: 8, fin: 8, stall: 60 } as const
/** Milliseconds of silence after which a stalled upstream is given up. Before the marker that may come too early, later not. */
const idleMs = { before: 60, after: 600 } as const
/** Milliseconds in which bytes with an end marker have been read. */
const readMs = 60
/** How many times as long both last when an end that was owed is missing: a pause of the machine may have eaten the time. */
const moreTime = [5, 25] as const

for (const subject of subjects) {
  const rig = await subject.start()
  afterAll(() => rig.close())

  describe(subject.name, () => {
    for (const cut of cuts) {
      for (const [at, framing] of rig.framings.entries()) {
        const places = placesOf(rig.fixtures, { framing, cut }, at === 0 ? 1 : stride)
        test.concurrent(`every fixture at ${places.length} offsets: ${framing}, ${cut}`, async () => {
          await each(places, atOnce[cut], async (place) => {
            let outcome = await outcomeAt(rig, place)
            for (const times of moreTime) if (lacksItsEnd(outcome, place)) outcome = await outcomeAt(rig, place, times)
            expectVerdict(outcome, place)
          })
        })
      }
    }
  })
}

interface Place {
  readonly fixture: Fixture
  readonly framing: Framing
  readonly cut: Cut
  readonly sent: number
}

/** Each `every`th byte of every fixture, and all that are near its end marker or after it. */
function placesOf(fixtures: readonly Fixture[], how: Pick<Place, 'framing' | 'cut'>, every: number): Place[] {
  return fixtures.flatMap((fixture) => {
    const { from } = fixture.endMarker(how.framing, how.cut)
    return Array.from({ length: fixture.bytes.byteLength + 1 }, (_, sent) => ({ fixture, ...how, sent })).filter(
      ({ sent }) => sent % every === 0 || sent >= Math.min(from, fixture.bytes.byteLength) - nearBytes,
    )
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
