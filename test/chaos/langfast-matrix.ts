import { chunkFrame } from '../../src/providers/langfast/emulator/answer.ts'
import type { LangfastEmulatorOptions } from '../../src/providers/langfast/emulator/index.ts'
import type { RunScript } from '../../src/providers/langfast/emulator/run-server.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { binaryEvent, eventFrame } from '../../src/wire/emulator/socketio.ts'
import { closeFrame } from '../../src/wire/emulator/websocket.ts'
import { frame } from '../../src/wire/websocket-frames.ts'
import {
  bad,
  both,
  broken,
  disconnected,
  failed,
  good,
  helloWor,
  helloWorld,
  htmlHeaders,
  jsonHeaders,
  readMs,
  type Seen,
  surface,
} from './cell.ts'

/** A cell of langfast's wires: a fault of the run, or of the connection before the run. */
export interface LangfastCell extends Seen {
  readonly script: RunScript
  readonly emulator?: LangfastEmulatorOptions
}

const id = 'job-1'
const says = (content: string, status = 'running') =>
  chunkFrame({ executionId: id, content, status, finish_reason: null })
const completed = says(helloWorld, 'completed')
const finished = eventFrame('completion_finished', { executionId: id })

/** The frames before the fault: only the start of the run, the first words, the answer with one end, or with both ends. */
const moments = {
  B: [],
  C: [says('Hello'), says(helloWor)],
  D: [says('Hello'), completed],
  E: [says('Hello'), completed, finished],
} as const satisfies Record<string, readonly string[]>
type Moment = keyof typeof moments

function scriptUpTo(moment: Moment, ...more: readonly (string | Uint8Array)[]): RunScript {
  return { job: id, answer: { body: [...moments[moment], ...more] } }
}

function cutAt(moment: Moment, ending: 'rst' | 'fin' | 'stall'): RunScript {
  return { job: id, answer: { body: moments[moment], ending, endDelayMs: readMs } }
}

/** Sends these frames, and then the rest of the answer. */
function inserted(moment: Moment, ...more: readonly (string | Uint8Array)[]): RunScript {
  return scriptUpTo(moment, ...more, ...moments.E.slice(Math.min(moments[moment].length, 1)))
}

/** The ways in which a connection ends. */
const endings: readonly (readonly [string, (moment: Moment) => RunScript])[] = [
  ['RST', (moment) => cutAt(moment, 'rst')],
  ['FIN', (moment) => cutAt(moment, 'fin')],
  ['41', (moment) => scriptUpTo(moment, '41')],
  ["Engine.IO's close", (moment) => scriptUpTo(moment, '1')],
  ['close 1000', (moment) => scriptUpTo(moment, closeFrame(1000))],
  ['close 1011', (moment) => scriptUpTo(moment, closeFrame(1011))],
]

const cutCells = endings.flatMap(([what, script]): LangfastCell[] => [
  ...both.map((stream) => ({
    ...failed,
    ...disconnected,
    stream,
    name: `B ${what}, ${surface(stream)}`,
    script: script('B'),
  })),
  { ...broken, ...disconnected, name: `C ${what}, SSE`, script: script('C') },
  { ...failed, ...disconnected, attempts: 1, stream: false, name: `C ${what}, JSON`, script: script('C') },
  ...(['D', 'E'] as const).flatMap((moment) =>
    both.map((stream) => ({ ...good, stream, name: `${moment} ${what}, ${surface(stream)}`, script: script(moment) })),
  ),
])

/** Silence, with deadlines of two seconds. */
const stallCells: readonly LangfastCell[] = [
  ...both.map((stream) => ({
    ...failed,
    attempts: 1,
    stream,
    status: 504,
    code: 'upstream_timeout',
    name: `A stall before the reply, ${surface(stream)}`,
    script: { refusal: { framing: 'raw', ending: 'stall' } } as const,
  })),
  { ...failed, attempts: 1, status: 504, code: 'upstream_timeout', name: 'B stall', script: cutAt('B', 'stall') },
  { ...broken, code: 'upstream_idle_timeout', name: 'C stall', script: cutAt('C', 'stall') },
  { ...good, name: 'D stall', script: cutAt('D', 'stall') },
]

const statusCells = (
  [
    [400, 400, 'invalid_request', 1],
    [401, 502, 'upstream_auth', 1],
    [402, 429, 'insufficient_quota', 1],
    [403, 502, 'upstream_auth', 1],
    // the prompt does not exist any more, so the next attempt makes a new one
    [404, 502, 'upstream_error', 2],
    [405, 502, 'upstream_protocol', 1],
    [408, 504, 'upstream_timeout', 2],
    [409, 503, 'upstream_busy', 2],
    [422, 400, 'invalid_request', 1],
    [429, 429, 'rate_limit_exceeded', 1],
    [500, 502, 'upstream_error', 2],
    [503, 503, 'upstream_overloaded', 2],
    [504, 504, 'upstream_timeout', 2],
    [302, 502, 'upstream_redirect', 1],
  ] as const
).map(([from, to, code, attempts]): LangfastCell => {
  const headers = { ...jsonHeaders, location: 'http://127.0.0.1:1/' }
  const refusal: Script = { status: from, headers, body: ['{"error":"No."}'] }
  return { ...failed, name: `A ${from} is ${to} ${code}`, script: { refusal }, status: to, code, attempts }
})

const replyCells: readonly LangfastCell[] = [
  ...(['rst', 'fin'] as const).map((ending) => ({
    ...failed,
    ...disconnected,
    name: `A ${ending} before the reply`,
    script: { refusal: { framing: 'raw', ending } } as const,
  })),
  {
    ...failed,
    ...bad,
    name: 'A a login page',
    script: { refusal: { headers: htmlHeaders, body: ['<html>Sign in</html>'] } },
  },
  {
    ...failed,
    attempts: 1,
    code: 'upstream_blocked',
    name: 'A a captcha',
    script: { refusal: { status: 403, headers: htmlHeaders, body: ['<html>Just a moment...</html>'] } },
  },
]

/** Faults before the run. No run is requested. */
const connectCells: readonly LangfastCell[] = [
  {
    ...failed,
    attempts: 1,
    code: 'upstream_auth',
    name: 'A connection not authorized',
    script: {},
    emulator: { admit: () => ({ message: 'Not authorized' }) },
  },
  {
    ...failed,
    status: 503,
    code: 'upstream_overloaded',
    name: 'A connection refused for want of room',
    script: {},
    emulator: { admit: () => ({ message: 'Server is at capacity' }) },
  },
  {
    ...failed,
    ...disconnected,
    name: 'A connection that is cut instead of let in',
    script: {},
    emulator: {
      admit(line) {
        line.socket.reset()
        return 'silent'
      },
    },
  },
  {
    ...failed,
    attempts: 1,
    status: 504,
    code: 'upstream_timeout',
    name: 'A connection that is not let in',
    script: {},
    emulator: { admit: () => 'silent' },
  },
]

const failure = chunkFrame({ executionId: id, status: 'failed', error: { message: 'No.' } })

/** Invalid answers. */
const contentCells: readonly LangfastCell[] = (['B', 'C', 'D'] as const).flatMap((moment): LangfastCell[] => {
  const seen = { B: failed, C: broken, D: good }[moment]
  const is = (code: string) => (moment === 'D' ? {} : { code })
  const others = [
    chunkFrame({ executionId: 'job-2', content: 'Somebody else', status: 'completed' }),
    eventFrame('completion_finished', { executionId: 'job-2' }),
    chunkFrame({ executionId: 'job-2', error: 'Boom' }),
  ]
  return [
    {
      ...seen,
      ...is('upstream_bad_response'),
      name: `${moment} no packet`,
      script: inserted(moment, '42["execution:chunk"'),
    },
    { ...seen, ...is('upstream_error'), name: `${moment} a failure`, script: inserted(moment, failure) },
    { ...good, name: `${moment} runs of others`, script: inserted(moment, ...others) },
    {
      ...good,
      name: `${moment} events of unknown kinds`,
      script: inserted(
        moment,
        '6',
        '2',
        eventFrame('presence', 3),
        binaryEvent('bytes', Buffer.from([0xff])),
        '42/b,["a"]',
      ),
    },
  ]
})

const oddCells: readonly LangfastCell[] = [
  {
    ...failed,
    code: 'upstream_empty_response',
    name: 'B an empty success',
    script: scriptUpTo('B', says('', 'completed')),
  },
  { ...failed, code: 'upstream_empty_response', name: 'B an end without an answer', script: scriptUpTo('B', finished) },
  { ...broken, ...bad, name: 'C a text that is taken back', script: scriptUpTo('C', says('Bye, world.', 'completed')) },
  {
    ...failed,
    attempts: 1,
    code: 'upstream_response_too_large',
    name: 'B a frame that is too large',
    script: scriptUpTo('B', frame(says('x'.repeat(9 * 2 ** 20)))),
  },
  {
    ...good,
    name: 'D only the other end',
    script: { job: id, answer: { body: [...moments.C, says(helloWorld), finished] } },
  },
  { ...good, name: 'D an answer before the reply', script: { ...scriptUpTo('E'), isEarly: true } },
  { ...good, name: 'D an answer of a run without a name', script: { ...scriptUpTo('E'), job: 'untold' } },
]

/** Every cell of langfast's wires. */
export const cells: readonly LangfastCell[] = [
  ...both.map((stream) => ({
    ...good,
    stream,
    name: `E nothing goes wrong, ${surface(stream)}`,
    script: scriptUpTo('E'),
  })),
  ...connectCells,
  ...replyCells,
  ...statusCells,
  ...cutCells,
  ...stallCells,
  ...contentCells,
  ...oddCells,
]
