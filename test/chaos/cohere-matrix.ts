import { cohereEvent } from '../../src/providers/cohere/emulator.ts'
import type { Script } from '../../src/wire/emulated-script.ts'
import { sseData, sseEvent } from '../../src/wire/sse.ts'
import type { Cell } from './matrix.ts'
import { helloWor, helloWorld, jsonHeaders } from './scripts.ts'

const content = (text: string) =>
  cohereEvent({ type: 'content-delta', index: 0, delta: { message: { content: { text } } } })
const opening = [
  cohereEvent({ type: 'message-start', delta: { message: { role: 'assistant', content: [] } } }),
  cohereEvent({ type: 'content-start', index: 0, delta: { message: { content: { type: 'text', text: '' } } } }),
]
const words = ['Hello', ', wor', 'ld.'].map(content)
const closing = cohereEvent({ type: 'content-end', index: 0 })
const finish = cohereEvent({ type: 'message-end', delta: { finish_reason: 'COMPLETE' } })

/** What has been sent by then; `content-end` ends a part, not the answer. */
const moments = {
  A: [],
  B: opening,
  C: [...opening, ...words.slice(0, 2)],
  D: [...opening, ...words, closing, finish],
} as const satisfies Record<string, readonly string[]>
type Moment = keyof typeof moments

const both = [true, false] as const
const surface = (stream: boolean) => (stream ? 'SSE' : 'JSON')
const failed = { text: '', attempts: 2, stream: true, status: 502 } as const
const good = { status: 200, text: helloWorld, attempts: 1, stream: true } as const
const broken = { status: 200, text: helloWor, attempts: 1, stream: true } as const
const disconnected = { code: 'upstream_disconnected' } as const
const bad = { code: 'upstream_bad_response' } as const

/** Time for what was sent to have been read before a reset overtakes it, in milliseconds. */
const readMs = 150

function cutAt(moment: Moment, ending: 'rst' | 'fin' | 'stall' | 'end'): Script {
  if (moment === 'A' && ending !== 'end') return { framing: 'raw', ending }
  return { body: moments[moment], ending, endDelayMs: readMs }
}

function inserted(moment: Moment, ...more: readonly (string | Uint8Array)[]): Script {
  return { body: [...moments[moment], ...more, ...moments.D.slice(moments[moment].length)] }
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
    name: `C ${ending} after content-end, which ends nothing`,
    script: { ...cutAt('C', ending), body: [...opening, ...words, closing] },
  },
  {
    ...broken,
    ...disconnected,
    name: `C ${ending} within a body delimited by close`,
    script: { ...cutAt('C', ending), framing: 'close' },
  },
  ...both.map(
    (stream): Cell => ({
      ...good,
      stream,
      name: `D ${ending} after message-end, ${surface(stream)}`,
      script: cutAt('D', ending),
    }),
  ),
])

/** Silence, with deadlines of two seconds. */
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
  { ...good, name: 'D stall after message-end', script: cutAt('D', 'stall') },
]

const statusCells: readonly Cell[] = (
  [
    [400, 400, 'invalid_request', 1],
    [401, 502, 'upstream_auth', 1],
    [402, 429, 'insufficient_quota', 1],
    [403, 502, 'upstream_auth', 1],
    [404, 404, 'model_not_found', 1],
    [405, 502, 'upstream_protocol', 1],
    [408, 504, 'upstream_timeout', 2],
    [413, 413, 'request_too_large', 1],
    [422, 400, 'invalid_request', 1],
    [429, 429, 'rate_limit_exceeded', 1],
    [498, 502, 'upstream_auth', 1],
    [499, 502, 'upstream_error', 2],
    [500, 502, 'upstream_error', 2],
    [501, 502, 'upstream_error', 2],
    [503, 503, 'upstream_overloaded', 2],
    [504, 504, 'upstream_timeout', 2],
    [302, 502, 'upstream_redirect', 1],
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
            body: [JSON.stringify({ id: 'x', message: 'No.' })],
          },
    status: to,
    code,
    attempts,
  }),
)

const html = { 'content-type': 'text/html; charset=utf-8' }
const told = { type: 'message-end', delta: { finish_reason: 'ERROR', error: 'No.' } }
const late = { type: 'message-end', delta: { finish_reason: 'TIMEOUT' } }

/** A 200 that is none, or not only. */
const contentCells: readonly Cell[] = [
  { ...failed, ...bad, name: 'A a login page', script: { headers: html, body: ['<html>Sign in</html>'] } },
  {
    ...failed,
    attempts: 1,
    code: 'upstream_blocked',
    name: 'A a captcha',
    script: { headers: html, body: ['<html>Just a moment...</html>'] },
  },
  {
    ...failed,
    ...disconnected,
    name: 'A a whole reply, which was not asked for',
    script: { headers: jsonHeaders, body: ['{}'] },
  },
  ...(['B', 'C', 'D'] as const).flatMap((moment): Cell[] => {
    const seen = { B: failed, C: broken, D: good }[moment]
    const is = (code: string) => (moment === 'D' ? {} : { code })
    return [
      {
        ...seen,
        ...is('upstream_bad_response'),
        name: `${moment} bad JSON`,
        script: inserted(moment, sseData('{"type":')),
      },
      {
        ...seen,
        ...is('upstream_error'),
        name: `${moment} an error event`,
        script: inserted(moment, sseEvent('error', '{"message":"No."}')),
      },
      {
        ...seen,
        ...is('upstream_error'),
        name: `${moment} an end that is an error`,
        script: inserted(moment, cohereEvent(told)),
      },
      {
        ...seen,
        ...is('upstream_disconnected'),
        name: `${moment} [DONE]`,
        script: inserted(moment, sseData('[DONE]')),
      },
      {
        ...good,
        name: `${moment} events of unknown types`,
        script: inserted(moment, cohereEvent({ type: 'ping' }), ': comment\n\n', 'id: 7\nretry: 5\n\n'),
      },
      {
        ...good,
        name: `${moment} bytes that are no UTF-8`,
        script: inserted(moment, new Uint8Array([0x3a, 0xff, 0xfe, 0x0a, 0x0a])),
      },
    ]
  }),
  {
    ...failed,
    status: 504,
    code: 'upstream_timeout',
    name: 'B an end out of time',
    script: inserted('B', cohereEvent(late)),
  },
  { ...broken, code: 'upstream_timeout', name: 'C an end out of time', script: inserted('C', cohereEvent(late)) },
  {
    ...failed,
    code: 'upstream_empty_response',
    name: 'B an empty success',
    script: { body: [...opening, closing, finish] },
  },
  {
    ...failed,
    attempts: 1,
    code: 'upstream_response_too_large',
    name: 'B an event that is too large',
    script: { body: ['data: {"x":"', ...Array.from({ length: 17 }, () => 'x'.repeat(2 ** 20))] },
  },
]

/** Every cell that Cohere's bytes can make. There is no moment E: nothing comes after `message-end`. */
export const cells: readonly Cell[] = [
  ...both.map(
    (stream): Cell => ({
      ...good,
      stream,
      name: `D nothing goes wrong, ${surface(stream)}`,
      script: { body: moments.D },
    }),
  ),
  ...cutCells,
  ...stallCells,
  ...statusCells,
  ...contentCells,
]
