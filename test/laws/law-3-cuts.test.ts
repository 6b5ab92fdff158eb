/** Law 3: cutting the upstream at any byte before its own end marker throws; from the marker on a cut takes nothing away. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { ChatError } from '../../src/chat/error.ts'
import { each } from '../waiting.ts'
import { bare, type Outcome, outcomeOf } from './ask.ts'
import { type Cut, cuts, type Fixture, type Framing, type Rig } from './subject.ts'
import { subjects } from './subjects.ts'

setDefaultTimeout(120_000)

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
      for (const framing of rig.framings) {
        test.concurrent(`every byte offset of every fixture: ${framing}, ${cut}`, async () => {
          await each(everyOffset(rig.fixtures), atOnce[cut], async ({ fixture, sent }) => {
            const place = { fixture, framing, cut, sent }
            let outcome = await outcomeAt(rig, place)
            for (const times of moreTime) if (lacksItsEnd(outcome, place)) outcome = await outcomeAt(rig, place, times)
            expectVerdict(outcome, place)
          })
        })
      }
    }
  })
}

function everyOffset(fixtures: readonly Fixture[]): { fixture: Fixture; sent: number }[] {
  return fixtures.flatMap((fixture) =>
    Array.from({ length: fixture.bytes.byteLength + 1 }, (_, sent) => ({ fixture, sent })),
  )
}

interface Place {
  readonly fixture: Fixture
  readonly framing: Framing
  readonly cut: Cut
  readonly sent: number
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
