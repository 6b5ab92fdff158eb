import { isFull } from '../sizes.ts'
import type { Cut, Fixture, Framing, Rig } from './subject.ts'
import { cuts } from './subject.ts'

/** Number of cuts or splits of each upstream that are tested over sockets. All others are tested in memory. */
const overSockets = 40

/** An offset at which a reply is cut, and the kind of cut. */
export interface Place {
  readonly fixture: Fixture
  readonly framing: Framing
  readonly cut: Cut
  readonly sent: number
}

/** Lists the cuts to test over sockets: each framing with each kind of cut, at interesting offsets. */
export function placesOf({ framings, fixtures }: Pick<Rig, 'framings' | 'fixtures'>): Place[] {
  const ways = framings.flatMap((framing) => cuts.map((cut) => ({ framing, cut })))
  const each = Math.ceil(overSockets / ways.length)
  return ways.flatMap((way, at) => {
    if (isFull) return fixtures.flatMap((fixture) => everyOffset(fixture).map((sent) => ({ fixture, ...way, sent })))
    return Array.from({ length: each }, (_, turn) => {
      const fixture = inTurn(fixtures, at + turn)
      const { marker, others } = offsetsOf(fixture, fixture.endMarker(way.framing, way.cut))
      // near the end marker the kinds of cut have different results, so each kind is tested at all these offsets
      const sent = turn < marker.length ? inTurn(marker, turn) : inTurn(others, turn + at * (each - marker.length))
      return { fixture, ...way, sent }
    })
  })
}

/** Lists the splits to test over sockets. */
export function splitsOf({ framings, fixtures }: Pick<Rig, 'framings' | 'fixtures'>) {
  return Array.from({ length: overSockets }, (_, turn) => {
    const fixture = inTurn(fixtures, turn)
    const { marker, others } = offsetsOf(fixture, fixture.endMarker('chunked', 'fin'))
    const inside = [...marker, ...others].filter((at) => at > 0 && at < fixture.bytes.byteLength)
    const at = inTurn(inside, Math.floor(turn / fixtures.length))
    return { fixture, framing: inTurn(framings, turn + Math.floor(turn / framings.length)), at }
  })
}

function inTurn<T>(list: readonly T[], turn: number): T {
  const found = list[turn % list.length]
  if (found === undefined) throw new Error('a list is empty')
  return found
}

/** Lists every offset, from 0 to the length. */
export function everyOffset({ bytes }: Fixture): number[] {
  return Array.from({ length: bytes.byteLength + 1 }, (_, at) => at)
}

/** Lists the interesting offsets: around the end marker, within a character, between two frames, at both ends. */
function offsetsOf({ bytes }: Fixture, { from, to }: { readonly from: number; readonly to: number }) {
  const length = bytes.byteLength
  const end = Math.min(from, length)
  const middle = Math.floor(end / 2)
  const isWithinCharacter = (byte: number) => byte >= 0x80 && byte < 0xc0
  const others = [
    bytes.findIndex(isWithinCharacter),
    bytes.indexOf(newline, middle) + 1,
    bytes.indexOf(newline) + 1,
    0,
    middle,
    length,
    1,
    length - 1,
    end,
  ]
  return { marker: [end - 1, Math.min(to, length)], others: others.filter((at) => at >= 0) }
}

const newline = 0x0a
