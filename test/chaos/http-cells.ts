import type { Script } from '../../src/wire/emulator/script.ts'
import {
  bad,
  both,
  broken,
  type Cell,
  disconnected,
  failed,
  good,
  jsonHeaders,
  readMs,
  surface,
  timedOut,
} from './cell.ts'

type Bytes = string | Uint8Array

/** A stream over HTTP in a dialect other than OpenAI's. */
export interface StreamWire {
  /**
   * The frames before the fault. A has none, B has no text yet, C ends with the text `helloWor`, D ends with the
   * finish, and E also has what follows the finish, if anything does.
   */
  readonly moments: Readonly<Record<'A' | 'B' | 'C' | 'D', readonly string[]> & { readonly E?: readonly string[] }>
  /** The whole text `helloWorld`, with every frame that looks like an end but is not the end of the answer. */
  readonly unended: readonly string[]
  /** The upstream's status, the client's status, the code, and the number of attempts. */
  readonly refusals: readonly (readonly [from: number, to: number, code: string, attempts: number])[]
  /** The body of these statuses. */
  readonly refusal: object
}

type Moment = keyof StreamWire['moments']
type Ending = 'rst' | 'fin' | 'stall' | 'end'

const momentsOf = ({ moments }: StreamWire): readonly ('D' | 'E')[] => (moments.E ? ['D', 'E'] : ['D'])
const whole = ({ moments }: StreamWire) => moments.E ?? moments.D

function cutAt({ moments }: StreamWire, moment: Moment, ending: Ending): Script {
  if (moment === 'A' && ending !== 'end') return { framing: 'raw', ending }
  return { body: moments[moment] ?? [], ending, endDelayMs: readMs }
}

/** Sends the stream up to the moment, then these frames, then the rest of a good answer. */
export function inserted(wire: StreamWire, moment: Moment, ...more: readonly Bytes[]): Script {
  const before = wire.moments[moment] ?? []
  return { body: [...before, ...more, ...whole(wire).slice(before.length)] }
}

/** Makes the cells of a cut. A client that wants a whole answer gets a status for every cut. */
function cutCells(wire: StreamWire, ending: 'rst' | 'fin' | 'end'): Cell[] {
  const name = (moment: Moment, what: string) => ({
    name: `${moment} ${ending} ${what}`,
    script: cutAt(wire, moment, ending),
  })
  const within = cutAt(wire, 'C', ending)
  return [
    ...both.flatMap((stream): Cell[] => [
      { ...failed, ...disconnected, stream, ...name('A', `before the head, ${surface(stream)}`) },
      { ...failed, ...disconnected, stream, ...name('B', `before the first event, ${surface(stream)}`) },
      ...momentsOf(wire).map(
        (moment): Cell => ({ ...good, stream, ...name(moment, `after the finish, ${surface(stream)}`) }),
      ),
    ]),
    { ...broken, ...disconnected, ...name('C', 'within the answer, SSE') },
    { ...failed, ...disconnected, attempts: 1, stream: false, ...name('C', 'within the answer, JSON') },
    {
      ...broken,
      ...disconnected,
      ...name('C', 'within a body delimited by close'),
      script: { ...within, framing: 'close' },
    },
    { ...good, ...disconnected, ...name('C', 'after what ends nothing'), script: { ...within, body: wire.unended } },
  ]
}

/** Makes the cells of silence, with deadlines of two seconds. No time is left for a retry. */
function stallCells(wire: StreamWire): Cell[] {
  const stall = (moment: Moment, what: string) => ({
    name: `${moment} stall ${what}`,
    script: cutAt(wire, moment, 'stall'),
  })
  return [
    ...both.flatMap((stream): Cell[] => [
      { ...failed, ...timedOut, attempts: 1, stream, ...stall('A', `before the head, ${surface(stream)}`) },
      { ...failed, ...timedOut, attempts: 1, stream, ...stall('B', `before the first event, ${surface(stream)}`) },
    ]),
    { ...broken, code: 'upstream_idle_timeout', ...stall('C', 'within the answer, SSE') },
    ...momentsOf(wire).map((moment): Cell => ({ ...good, ...stall(moment, 'after the finish') })),
  ]
}

function statusCells({ refusals, refusal }: StreamWire): Cell[] {
  return refusals.map(([from, status, code, attempts]) => {
    const headers = { ...jsonHeaders, location: 'http://127.0.0.1:1/' }
    const script: Script =
      from === 204 ? { status: from, framing: 'length' } : { status: from, headers, body: [JSON.stringify(refusal)] }
    return { ...failed, name: `A ${from} is ${status} ${code}`, script, status, code, attempts }
  })
}

/** Makes the cells of a fault: a status before the first event, an error event within the answer, no effect after the finish. */
export function atEach(wire: StreamWire, what: string, code: string, bytes: string): Cell[] {
  const seen = { B: { ...failed, code }, C: { ...broken, code }, D: good, E: good }
  return (['B', 'C', ...momentsOf(wire)] as const).map((moment) => ({
    ...seen[moment],
    name: `${moment} ${what}`,
    script: inserted(wire, moment, bytes),
  }))
}

/** Makes the cells of a fault without effect at any moment. */
export function harmless(wire: StreamWire, what: string, ...more: readonly Bytes[]): Cell[] {
  return (['B', 'C', ...momentsOf(wire)] as const).map((moment) => ({
    ...good,
    name: `${moment} ${what}`,
    script: inserted(wire, moment, ...more),
  }))
}

/** The cells that all these wires share. */
export function httpCells(wire: StreamWire): readonly Cell[] {
  return [
    ...both.map(
      (stream): Cell => ({
        ...good,
        stream,
        name: `D nothing goes wrong, ${surface(stream)}`,
        script: { body: whole(wire) },
      }),
    ),
    ...(['rst', 'fin', 'end'] as const).flatMap((ending) => cutCells(wire, ending)),
    ...stallCells(wire),
    ...statusCells(wire),
    {
      ...failed,
      ...bad,
      name: 'A a whole reply of no known shape, which was not asked for',
      script: { headers: jsonHeaders, body: ['{}'] },
    },
    {
      ...failed,
      attempts: 1,
      code: 'upstream_response_too_large',
      name: 'B an event that is too large',
      script: { body: ['data: {"x":"', ...Array.from({ length: 17 }, () => 'x'.repeat(2 ** 20))] },
    },
    ...harmless(wire, 'bytes that are no UTF-8', new Uint8Array([0x3a, 0xff, 0xfe, 0x0a, 0x0a])),
  ]
}
