import { cohereEvent } from '../../src/providers/cohere/emulator/index.ts'
import { sseData, sseEvent } from '../../src/wire/sse.ts'
import { bad, broken, type Cell, failed, htmlHeaders, timedOut } from './cell.ts'
import { atEach, harmless, httpCells, inserted, type StreamWire } from './http-cells.ts'

const content = (text: string) =>
  cohereEvent({ type: 'content-delta', index: 0, delta: { message: { content: { text } } } })
const opening = [
  cohereEvent({ type: 'message-start', delta: { message: { role: 'assistant', content: [] } } }),
  cohereEvent({ type: 'content-start', index: 0, delta: { message: { content: { type: 'text', text: '' } } } }),
]
const words = ['Hello', ', wor', 'ld.'].map(content)
const closing = cohereEvent({ type: 'content-end', index: 0 })
const finish = cohereEvent({ type: 'message-end', delta: { finish_reason: 'COMPLETE' } })

/** `content-end` ends a part, not the answer. There is no moment E, because nothing follows `message-end`. */
const wire: StreamWire = {
  moments: { A: [], B: opening, C: [...opening, ...words.slice(0, 2)], D: [...opening, ...words, closing, finish] },
  unended: [...opening, ...words, closing],
  refusal: { id: 'x', message: 'No.' },
  refusals: [
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
  ],
}

const endAs = (finish_reason: string, error?: string) =>
  cohereEvent({ type: 'message-end', delta: { finish_reason, error } })
const late = endAs('TIMEOUT')

/** Every cell for faults in Cohere's bytes. */
export const cells: readonly Cell[] = [
  ...httpCells(wire),
  { ...failed, ...bad, name: 'A a login page', script: { headers: htmlHeaders, body: ['<html>Sign in</html>'] } },
  {
    ...failed,
    attempts: 1,
    code: 'upstream_blocked',
    name: 'A a captcha',
    script: { headers: htmlHeaders, body: ['<html>Just a moment...</html>'] },
  },
  ...atEach(wire, 'bad JSON', 'upstream_bad_response', sseData('{"type":')),
  ...atEach(wire, 'an error event', 'upstream_error', sseEvent('error', '{"message":"No."}')),
  ...atEach(wire, 'an end that is an error', 'upstream_error', endAs('ERROR', 'No.')),
  ...atEach(wire, '[DONE]', 'upstream_disconnected', sseData('[DONE]')),
  ...harmless(wire, 'events of unknown types', cohereEvent({ type: 'ping' }), ': comment\n\n', 'id: 7\nretry: 5\n\n'),
  { ...failed, ...timedOut, name: 'B an end out of time', script: inserted(wire, 'B', late) },
  { ...broken, code: 'upstream_timeout', name: 'C an end out of time', script: inserted(wire, 'C', late) },
  {
    ...failed,
    code: 'upstream_empty_response',
    name: 'B an empty success',
    script: { body: [...opening, closing, finish] },
  },
]
