import { smitheryChunk } from '../../src/providers/smithery/emulator.ts'
import type { Script } from '../../src/wire/emulated-script.ts'
import { sseData, sseEvent } from '../../src/wire/sse.ts'
import type { Cell } from './matrix.ts'
import { helloWor, helloWorld, jsonHeaders } from './scripts.ts'

const opening = [{ type: 'start' }, { type: 'start-step' }, { type: 'text-start', id: 't0' }].map(smitheryChunk)
const words = ['Hello', ', wor', 'ld.'].map((delta) => smitheryChunk({ type: 'text-delta', id: 't0', delta }))
const closing = [{ type: 'text-end', id: 't0' }, { type: 'finish-step' }].map(smitheryChunk)
const finish = smitheryChunk({ type: 'finish', finishReason: 'stop' })
const done = sseData('[DONE]')

/** What has been sent by then; `text-end` and `finish-step` end a part, not the answer. */
const moments = {
  A: [],
  B: opening,
  C: [...opening, ...words.slice(0, 2)],
  D: [...opening, ...words, ...closing, finish],
  E: [...opening, ...words, ...closing, finish, done],
} as const satisfies Record<string, readonly string[]>
type Moment = keyof typeof moments

const both = [true, false] as const
const surface = (stream: boolean) => (stream ? 'SSE' : 'JSON')
const failed = { text: '', attempts: 2, stream: true, status: 502 } as const
const good = { status: 200, text: helloWorld, attempts: 1, stream: true } as const
const broken = { status: 200, text: helloWor, attempts: 1, stream: true } as const
const disconnected = { code: 'upstream_disconnected' } as const

/** Time for what was sent to have been read before a reset overtakes it, in milliseconds. */
const readMs = 40

function cutAt(moment: Moment, ending: 'rst' | 'fin' | 'stall' | 'end'): Script {
  if (moment === 'A' && ending !== 'end') return { framing: 'raw', ending }
  return { body: moments[moment], ending, endDelayMs: readMs }
}

function inserted(moment: Moment, ...more: readonly (string | Uint8Array)[]): Script {
  return { body: [...moments[moment], ...more, ...moments.E.slice(moments[moment].length)] }
}

/** What is cut is collected for a client that wants it whole: it gets a status, whatever had come. */
const cutCells: readonly Cell[] = (['rst', 'fin', 'end'] as const).flatMap((ending): Cell[] => [
  ...(['A', 'B'] as const).flatMap((moment) =>
    both.map(
      (stream): Cell => ({
        ...failed,
        ...disconnected,
        stream,
        name: `${moment} ${ending} before the first event, ${surface(stream)}`,
        script: cutAt(moment, ending),
      }),
    ),
  ),
  { ...broken, ...disconnected, name: `C ${ending} within the answer, SSE`, script: cutAt('C', ending) },
  {
    ...failed,
    ...disconnected,
    attempts: 1,
    stream: false,
    name: `C ${ending} within the answer, JSON`,
    script: cutAt('C', ending),
  },
  {
    ...broken,
    ...disconnected,
    text: helloWorld,
    name: `C ${ending} after finish-step, which ends nothing`,
    script: { ...cutAt('C', ending), body: [...opening, ...words, ...closing] },
  },
  {
    ...broken,
    ...disconnected,
    name: `C ${ending} within a body delimited by close`,
    script: { ...cutAt('C', ending), framing: 'close' },
  },
  ...(['D', 'E'] as const).flatMap((moment) =>
    both.map(
      (stream): Cell => ({
        ...good,
        stream,
        name: `${moment} ${ending} after the finish, ${surface(stream)}`,
        script: cutAt(moment, ending),
      }),
    ),
  ),
])

/** Silence, with deadlines of a second. */
const stallCells: readonly Cell[] = [
  ...(['A', 'B'] as const).flatMap((moment) =>
    both.map(
      (stream): Cell => ({
        ...failed,
        attempts: 1,
        stream,
        status: 504,
        code: 'upstream_timeout',
        name: `${moment} stall before the first event, ${surface(stream)}`,
        script: cutAt(moment, 'stall'),
      }),
    ),
  ),
  { ...broken, name: 'C stall within the answer, SSE', script: cutAt('C', 'stall'), code: 'upstream_idle_timeout' },
  { ...good, name: 'D stall after the finish', script: cutAt('D', 'stall') },
  { ...good, name: 'E stall after [DONE]', script: cutAt('E', 'stall') },
]

const statusCells: readonly Cell[] = (
  [
    [400, 400, 'invalid_request', 1],
    [401, 502, 'upstream_auth', 1],
    [402, 429, 'insufficient_quota', 1],
    [403, 502, 'upstream_auth', 1],
    [404, 502, 'upstream_protocol', 1],
    [405, 502, 'upstream_protocol', 1],
    [408, 504, 'upstream_timeout', 2],
    [413, 413, 'request_too_large', 1],
    [422, 400, 'invalid_request', 1],
    [429, 429, 'rate_limit_exceeded', 1],
    [500, 502, 'upstream_error', 2],
    [502, 502, 'upstream_error', 2],
    [503, 503, 'upstream_overloaded', 2],
    [504, 504, 'upstream_timeout', 2],
    [302, 502, 'upstream_auth', 1],
    [204, 502, 'upstream_bad_response', 2],
  ] as const
).map(
  ([from, to, code, attempts]): Cell => ({
    ...failed,
    name: `A ${from} is ${to} ${code}`,
    script:
      from === 204
        ? { status: 204, framing: 'length' }
        : {
            status: from,
            headers: { ...jsonHeaders, location: 'http://127.0.0.1:1/' },
            body: [JSON.stringify({ error: 'No.' })],
          },
    status: to,
    code,
    attempts,
  }),
)

const html = { 'content-type': 'text/html; charset=utf-8' }
const blocked = { ...failed, attempts: 1, code: 'upstream_blocked' } as const
const error = smitheryChunk({ type: 'error', errorText: 'An error occurred.' })
const abort = smitheryChunk({ type: 'abort', reason: 'stopped' })

/** A 200 that is none, or not only. What follows an error or an abort, `finish` and `[DONE]`, mends nothing. */
const contentCells: readonly Cell[] = [
  {
    ...failed,
    attempts: 1,
    code: 'upstream_auth',
    name: 'A a login page',
    script: { headers: html, body: ['<html>Sign in</html>'] },
  },
  {
    ...blocked,
    name: 'A a challenge',
    script: { status: 403, headers: html, body: ['<html>Just a moment...</html>'] },
  },
  { ...blocked, name: 'A a wall', script: { status: 403, headers: html, body: ['<html>No.</html>'] } },
  {
    ...blocked,
    name: 'A a challenge that says so in its head',
    script: { status: 503, headers: { ...html, 'cf-mitigated': 'challenge' }, body: ['<html></html>'] },
  },
  {
    ...failed,
    ...disconnected,
    name: 'A a whole reply, which was not asked for',
    script: { headers: jsonHeaders, body: ['{}'] },
  },
  ...(['B', 'C', 'D', 'E'] as const).flatMap((moment): Cell[] => {
    const seen = { B: failed, C: broken, D: good, E: good }[moment]
    const is = (code: string) => (moment === 'D' || moment === 'E' ? {} : { code })
    const fault = (name: string, code: string, bytes: string): Cell => ({
      ...seen,
      ...is(code),
      name: `${moment} ${name}`,
      script: inserted(moment, bytes),
    })
    return [
      fault('bad JSON', 'upstream_bad_response', sseData('{"type":')),
      fault('JSON of no known shape', 'upstream_bad_response', sseData('[1]')),
      fault('an error', 'upstream_error', error),
      fault('an abort', 'upstream_cancelled', abort),
      fault('an error event', 'upstream_error', sseEvent('error', '{"message":"No."}')),
      fault('an error in place of a chunk', 'upstream_error', sseData('{"error":"No."}')),
      fault('an end that is an error', 'upstream_error', smitheryChunk({ type: 'finish', finishReason: 'error' })),
      fault('[DONE] within a block', 'upstream_disconnected', done),
      {
        ...good,
        name: `${moment} chunks of unknown types`,
        script: inserted(moment, smitheryChunk({ type: 'data-x', data: 1 }), ': comment\n\n', 'id: 7\nretry: 5\n\n'),
      },
      {
        ...good,
        name: `${moment} bytes that are no UTF-8`,
        script: inserted(moment, new Uint8Array([0x3a, 0xff, 0xfe, 0x0a, 0x0a])),
      },
    ]
  }),
  { ...good, name: 'D [DONE] without a finish', script: { body: [...opening, ...words, ...closing, done] } },
  {
    ...failed,
    code: 'upstream_empty_response',
    name: 'B an empty success',
    script: { body: [smitheryChunk({ type: 'start' }), finish, done] },
  },
  { ...failed, code: 'upstream_empty_response', name: 'B only [DONE]', script: { body: [done] } },
  {
    ...failed,
    attempts: 1,
    code: 'upstream_response_too_large',
    name: 'B a chunk that is too large',
    script: { body: ['data: {"x":"', ...Array.from({ length: 17 }, () => 'x'.repeat(2 ** 20))] },
  },
]

const dataStream = { 'content-type': 'text/plain; charset=utf-8', 'x-vercel-ai-data-stream': 'v1' }
const older = ['f:{"messageId":"m"}\n', '0:"Hello"\n', '0:", wor"\n', '0:"ld."\n']
const olderEnd = 'd:{"finishReason":"stop"}\n'

/** The wire that came before. */
const olderCells: readonly Cell[] = [
  { ...good, name: 'D the older wire', script: { headers: dataStream, body: [...older, olderEnd] } },
  { ...good, name: 'D the older wire, which nobody announced', script: { body: [...older, olderEnd] } },
  {
    ...broken,
    ...disconnected,
    name: 'C the older wire is cut',
    script: { headers: dataStream, body: older.slice(0, 3), endDelayMs: readMs, ending: 'rst' },
  },
  {
    ...broken,
    code: 'upstream_error',
    name: 'C the older wire has an error',
    script: { body: [...older.slice(0, 3), '3:"No."\n'] },
  },
]

/** Every cell that smithery's bytes can make. */
export const cells: readonly Cell[] = [
  ...both.map(
    (stream): Cell => ({
      ...good,
      stream,
      name: `E nothing goes wrong, ${surface(stream)}`,
      script: { body: moments.E },
    }),
  ),
  ...cutCells,
  ...stallCells,
  ...statusCells,
  ...contentCells,
  ...olderCells,
]
