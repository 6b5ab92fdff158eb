import { bad, both, broken, type Cell, disconnected, failed, good, htmlHeaders, jsonHeaders, surface } from './cell.ts'
import { cutAt, cutWhole, healthy, inserted, type Moment, moments, refused } from './scripts.ts'

const endings = ['rst', 'fin'] as const

/** A connection that ends, at every moment. */
const cutCells: readonly Cell[] = endings.flatMap((ending): Cell[] => [
  ...both.map(
    (stream): Cell => ({
      ...failed,
      ...disconnected,
      name: `A ${ending} before the head, ${surface(stream)}`,
      script: cutAt('A', ending),
      stream,
    }),
  ),
  {
    ...failed,
    ...disconnected,
    name: `A ${ending} within the head`,
    script: { framing: 'raw', body: ['HTTP/1.1 200 OK\r\ncontent-ty'], ending },
  },
  { ...failed, ...disconnected, name: `B ${ending} before the first event`, script: cutAt('B', ending) },
  { ...broken, ...disconnected, name: `C ${ending} within the answer, SSE`, script: cutAt('C', ending) },
  {
    ...failed,
    ...disconnected,
    name: `C ${ending} within the answer, JSON`,
    script: cutWhole(ending),
    stream: false,
  },
  {
    ...broken,
    ...disconnected,
    name: `C ${ending} within a body delimited by close`,
    script: { ...cutAt('C', ending), framing: 'close' },
  },
  { ...good, name: `D ${ending} after the finish`, script: cutAt('D', ending) },
  { ...good, name: `E ${ending} after [DONE]`, script: cutAt('E', ending) },
])

/** Silence, with deadlines of a second. No time is left for a retry. */
const stallCells: readonly Cell[] = [
  ...both.map(
    (stream): Cell => ({
      ...failed,
      attempts: 1,
      name: `A stall before the head, ${surface(stream)}`,
      script: cutAt('A', 'stall'),
      status: 504,
      code: 'upstream_timeout',
      stream,
    }),
  ),
  {
    ...failed,
    attempts: 1,
    name: 'B stall before the first event',
    script: cutAt('B', 'stall'),
    status: 504,
    code: 'upstream_timeout',
  },
  { ...broken, name: 'C stall within the answer, SSE', script: cutAt('C', 'stall'), code: 'upstream_idle_timeout' },
  {
    ...failed,
    attempts: 1,
    name: 'C stall within the answer, JSON',
    script: cutWhole('stall'),
    status: 504,
    code: 'upstream_timeout',
    stream: false,
  },
  { ...good, name: 'D stall after the finish', script: cutAt('D', 'stall') },
  { ...good, name: 'E stall after [DONE]', script: cutAt('E', 'stall') },
]

/** The upstream's refusals (reliability, section 3). A refusal of our account is never the client's own 401, 402 or 403. */
const statusCells: readonly Cell[] = [
  status(400, 400, 'invalid_request', 1),
  status(400, 400, 'context_length_exceeded', 1, { code: 'context_length_exceeded' }),
  status(400, 400, 'content_filter', 1, { code: 'content_policy_violation' }),
  status(401, 502, 'upstream_auth', 1),
  status(402, 429, 'insufficient_quota', 1),
  status(403, 502, 'upstream_auth', 1),
  status(404, 404, 'model_not_found', 1),
  status(405, 502, 'upstream_protocol', 1),
  status(406, 502, 'upstream_protocol', 1),
  status(408, 504, 'upstream_timeout', 2),
  status(409, 503, 'upstream_busy', 2),
  status(413, 413, 'request_too_large', 1),
  status(415, 502, 'upstream_protocol', 1),
  status(422, 400, 'invalid_request', 1),
  status(425, 503, 'upstream_busy', 2),
  status(429, 429, 'rate_limit_exceeded', 1),
  { ...status(429, 429, 'rate_limit_exceeded', 1, { type: 'told' }, { 'retry-after': '7' }), retryAfter: '7' },
  {
    ...status(429, 429, 'rate_limit_exceeded', 1, { type: 'told-in-ms' }, { 'retry-after-ms': '2500' }),
    retryAfter: '3',
  },
  status(429, 429, 'insufficient_quota', 1, { code: 'insufficient_quota' }),
  status(500, 502, 'upstream_error', 2),
  status(502, 502, 'upstream_error', 2),
  { ...status(503, 503, 'upstream_overloaded', 2), retryAfter: '5' },
  { ...status(503, 503, 'upstream_overloaded', 1, { type: 'told' }, { 'retry-after': '30' }), retryAfter: '30' },
  status(504, 504, 'upstream_timeout', 2),
  { ...status(529, 503, 'upstream_overloaded', 2), retryAfter: '5' },
  ...[301, 302, 303, 307, 308].map((from) =>
    status(from, 502, 'upstream_redirect', 1, {}, { location: 'http://127.0.0.1:1/' }),
  ),
  status(204, 502, 'upstream_bad_response', 2),
]

function status(
  from: number,
  to: number,
  code: string,
  attempts: number,
  error: object = {},
  headers: Readonly<Record<string, string>> = {},
): Cell {
  const said = { message: 'No.', ...error }
  return {
    ...failed,
    name: `A ${from} ${[...Object.values(error), ...Object.values(headers)].join(' ')} is ${to} ${code}`,
    // the gateway does not relay an upstream's retry advice for SDKs
    script:
      from === 204 ? { status: 204, framing: 'length' } : refused(from, said, { 'x-should-retry': 'true', ...headers }),
    status: to,
    code,
    attempts,
  }
}

const json = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const page = '<!doctype html><html><title>Sign in</title></html>'

/** A 200 without a valid answer. */
const contentCells: readonly Cell[] = [
  { ...failed, ...bad, name: 'A a login page', script: { headers: htmlHeaders, body: [page] } },
  {
    ...failed,
    ...bad,
    name: 'C a login page, JSON',
    script: { headers: htmlHeaders, body: [page] },
    stream: false,
  },
  {
    ...failed,
    attempts: 1,
    name: 'A a captcha',
    script: { headers: htmlHeaders, body: ['<html>Just a moment...</html>'] },
    code: 'upstream_blocked',
  },
  {
    ...failed,
    attempts: 1,
    name: 'A a challenge with 403',
    script: { status: 403, headers: { ...htmlHeaders, 'cf-mitigated': 'challenge' }, body: [page] },
    code: 'upstream_blocked',
  },
  ...(['A', 'B'] as const).map(
    (moment): Cell => ({
      ...failed,
      ...bad,
      name: `${moment} bad JSON before the first event`,
      script: { body: [...cutBytes(moment), 'data: {"choices":[\n\n'] },
    }),
  ),
  { ...broken, ...bad, name: 'C bad JSON within the answer', script: inserted('C', 'data: {"choices":[\n\n') },
  {
    ...failed,
    ...bad,
    name: 'C bad JSON, JSON',
    script: { headers: jsonHeaders, body: ['{"choices":['] },
    stream: false,
  },
  { ...good, name: 'D bad JSON after the finish', script: inserted('D', 'data: {"choices":[\n\n') },
  { ...good, name: 'E bad JSON after [DONE]', script: inserted('E', 'data: {"choices":[\n\n') },
  {
    ...failed,
    attempts: 1,
    name: 'B an error object with 400',
    script: { body: [json({ error: { message: 'No.', code: 400 } })] },
    status: 400,
    code: 'invalid_request',
  },
  {
    ...failed,
    attempts: 1,
    name: 'B an error object with 429',
    script: { body: [json({ error: { message: 'No.', code: 429 } })] },
    status: 429,
    code: 'rate_limit_exceeded',
  },
  {
    ...failed,
    name: 'B an error object without a status',
    script: { body: [json({ error: { message: 'CUDA error' } })] },
    code: 'upstream_error',
  },
  {
    ...failed,
    name: 'B an error event',
    script: { body: ['event: error\ndata: {"message":"No."}\n\n'] },
    code: 'upstream_error',
  },
  {
    ...failed,
    name: 'C an error object, JSON',
    script: { headers: jsonHeaders, body: [JSON.stringify({ error: { message: 'No.', code: 503 } })] },
    status: 503,
    code: 'upstream_overloaded',
    stream: false,
  },
  {
    ...broken,
    name: 'C an error object within the answer',
    script: inserted('C', json({ error: { message: 'No.', code: 503 } })),
    code: 'upstream_overloaded',
  },
  { ...good, name: 'D an error object after the finish', script: inserted('D', json({ error: { message: 'No.' } })) },
  { ...good, name: 'E an error object after [DONE]', script: inserted('E', json({ error: { message: 'No.' } })) },
  ...(['B', 'C', 'D', 'E'] as const).map(
    (moment): Cell => ({
      ...good,
      name: `${moment} an event of an unknown type`,
      script: inserted(moment, 'event: vendor.ping\ndata: {"type":"ping"}\n\n', ': comment\n\n', 'id: 7\nretry: 5\n\n'),
    }),
  ),
  ...(['B', 'D'] as const).map(
    (moment): Cell => ({
      ...good,
      name: `${moment} bytes that are no UTF-8`,
      script: inserted(moment, new Uint8Array([0x3a, 0xff, 0xfe, 0x0a, 0x0a])),
    }),
  ),
  { ...good, text: 'Hello, wor\ufffdld.', name: 'C bytes that are no UTF-8', script: inserted('C', badUtf8()) },
  {
    ...failed,
    attempts: 1,
    name: 'B an event that is too large',
    script: { body: oversized() },
    code: 'upstream_response_too_large',
  },
  {
    ...broken,
    name: 'C an event that is too large',
    script: { body: [...cutBytes('C'), ...oversized()] },
    code: 'upstream_response_too_large',
  },
  {
    ...failed,
    attempts: 1,
    name: 'C a completion that is too large, JSON',
    script: { headers: jsonHeaders, body: oversized() },
    code: 'upstream_response_too_large',
    stream: false,
  },
  {
    ...failed,
    name: 'B an empty success',
    script: { body: [json({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }), 'data: [DONE]\n\n'] },
    code: 'upstream_empty_response',
  },
  {
    ...failed,
    name: 'B only [DONE]',
    script: { body: ['data: [DONE]\n\n'] },
    code: 'upstream_empty_response',
  },
  {
    ...failed,
    name: 'C an empty success, JSON',
    script: {
      headers: jsonHeaders,
      body: [JSON.stringify({ choices: [{ index: 0, message: { content: '' }, finish_reason: 'stop' }] })],
    },
    code: 'upstream_empty_response',
    stream: false,
  },
]

function cutBytes(moment: Moment): readonly string[] {
  return moments[moment]
}

function badUtf8(): Uint8Array {
  const [before, after] = 'data: {"choices":[{"index":0,"delta":{"content":"|"},"finish_reason":null}]}\n\n'.split('|')
  return Buffer.concat([Buffer.from(before ?? ''), Buffer.from([0xff]), Buffer.from(after ?? '')])
}

/** One event of seventeen mebibytes, which is over the limit. */
function oversized(): string[] {
  return ['data: {"x":"', ...Array.from({ length: 17 }, () => 'x'.repeat(2 ** 20))]
}

/** Every cell for faults in an upstream's bytes. */
export const cells: readonly Cell[] = [
  { ...good, name: 'E nothing at all goes wrong, SSE', script: healthy },
  ...cutCells,
  ...stallCells,
  ...statusCells,
  ...contentCells,
]
