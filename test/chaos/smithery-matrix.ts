import { smitheryChunk } from '../../src/providers/smithery/emulator/index.ts'
import { sseData, sseEvent } from '../../src/wire/sse.ts'
import { broken, type Cell, disconnected, failed, good, htmlHeaders, readMs } from './cell.ts'
import { atEach, harmless, httpCells, type StreamWire } from './http-cells.ts'

const opening = [{ type: 'start' }, { type: 'start-step' }, { type: 'text-start', id: 't0' }].map(smitheryChunk)
const words = ['Hello', ', wor', 'ld.'].map((delta) => smitheryChunk({ type: 'text-delta', id: 't0', delta }))
const closing = [{ type: 'text-end', id: 't0' }, { type: 'finish-step' }].map(smitheryChunk)
const finish = smitheryChunk({ type: 'finish', finishReason: 'stop' })
const done = sseData('[DONE]')
const answer = [...opening, ...words, ...closing]

/** `text-end` and `finish-step` end a part, not the answer. */
const wire: StreamWire = {
  moments: {
    A: [],
    B: opening,
    C: [...opening, ...words.slice(0, 2)],
    D: [...answer, finish],
    E: [...answer, finish, done],
  },
  unended: answer,
  refusal: { error: 'No.' },
  refusals: [
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
  ],
}

const blocked = { ...failed, attempts: 1, code: 'upstream_blocked' } as const

/** A 200 without a valid answer. `finish` and `[DONE]` after an error or an abort do not make it valid. */
const contentCells: readonly Cell[] = [
  {
    ...failed,
    attempts: 1,
    code: 'upstream_auth',
    name: 'A a login page',
    script: { headers: htmlHeaders, body: ['<html>Sign in</html>'] },
  },
  {
    ...blocked,
    name: 'A a challenge',
    script: { status: 403, headers: htmlHeaders, body: ['<html>Just a moment...</html>'] },
  },
  { ...blocked, name: 'A a wall', script: { status: 403, headers: htmlHeaders, body: ['<html>No.</html>'] } },
  {
    ...blocked,
    name: 'A a challenge that says so in its head',
    script: { status: 503, headers: { ...htmlHeaders, 'cf-mitigated': 'challenge' }, body: ['<html></html>'] },
  },
  ...atEach(wire, 'bad JSON', 'upstream_bad_response', sseData('{"type":')),
  ...atEach(wire, 'JSON of no known shape', 'upstream_bad_response', sseData('{"unknown":[1]}')),
  ...atEach(wire, 'an error', 'upstream_error', smitheryChunk({ type: 'error', errorText: 'An error occurred.' })),
  ...atEach(wire, 'an abort', 'upstream_cancelled', smitheryChunk({ type: 'abort', reason: 'stopped' })),
  ...atEach(wire, 'an error event', 'upstream_error', sseEvent('error', '{"message":"No."}')),
  ...atEach(wire, 'an error in place of a chunk', 'upstream_error', sseData('{"error":"No."}')),
  ...atEach(
    wire,
    'an end that is an error',
    'upstream_error',
    smitheryChunk({ type: 'finish', finishReason: 'error' }),
  ),
  ...atEach(wire, '[DONE] within a block', 'upstream_disconnected', done),
  ...harmless(
    wire,
    'chunks of unknown types',
    smitheryChunk({ type: 'data-x', data: 1 }),
    ': comment\n\n',
    'id: 7\nretry: 5\n\n',
  ),
  { ...good, name: 'D [DONE] without a finish', script: { body: [...answer, done] } },
  {
    ...failed,
    code: 'upstream_empty_response',
    name: 'B an empty success',
    script: { body: [smitheryChunk({ type: 'start' }), finish, done] },
  },
  { ...failed, code: 'upstream_empty_response', name: 'B only [DONE]', script: { body: [done] } },
]

const dataStream = { 'content-type': 'text/plain; charset=utf-8', 'x-vercel-ai-data-stream': 'v1' }
const older = ['f:{"messageId":"m"}\n', '0:"Hello"\n', '0:", wor"\n', '0:"ld."\n']
const olderEnd = 'd:{"finishReason":"stop"}\n'

/** The older wire. */
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

/** Every cell for faults in smithery's bytes. */
export const cells: readonly Cell[] = [...httpCells(wire), ...contentCells, ...olderCells]
