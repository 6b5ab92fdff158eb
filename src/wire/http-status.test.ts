import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { ChatError, type Reason } from '../chat/error.ts'
import { Secret } from '../chat/secret.ts'
import { words } from '../dialects/openai-chat/encode-error.ts'
import type { HttpReply } from './http-reply.ts'
import { isPage, pageError, parseRetryAfter, refusal, statusError, type UpstreamComplaint } from './http-status.ts'

const none = new Headers()

/** Reliability, section 3: the client's status for each status of an upstream. */
const rows: readonly (readonly [number, UpstreamComplaint, Reason, number, string, string])[] = [
  [400, {}, 'invalid-request', 400, 'invalid_request_error', 'invalid_request'],
  [400, { code: 'bad_seed' }, 'invalid-request', 400, 'invalid_request_error', 'bad_seed'],
  [413, {}, 'too-large', 413, 'invalid_request_error', 'request_too_large'],
  [422, {}, 'invalid-request', 400, 'invalid_request_error', 'invalid_request'],
  [422, { code: 'bad_seed' }, 'invalid-request', 400, 'invalid_request_error', 'bad_seed'],
  [
    400,
    { code: 'context_length_exceeded' },
    'invalid-request',
    400,
    'invalid_request_error',
    'context_length_exceeded',
  ],
  [
    400,
    { code: 'model_max_prompt_tokens_exceeded' },
    'invalid-request',
    400,
    'invalid_request_error',
    'context_length_exceeded',
  ],
  [400, { code: 'content_filter' }, 'content-filtered', 400, 'invalid_request_error', 'content_filter'],
  [403, { code: 'content_policy_violation' }, 'content-filtered', 400, 'invalid_request_error', 'content_filter'],
  [401, {}, 'account-refused', 502, 'upstream_error', 'upstream_auth'],
  [401, { code: 'invalid_api_key' }, 'account-refused', 502, 'upstream_error', 'upstream_auth'],
  [401, { type: 'invalid_request_error' }, 'account-refused', 502, 'upstream_error', 'upstream_auth'],
  [403, {}, 'account-refused', 502, 'upstream_error', 'upstream_auth'],
  [403, { type: 'invalid_request_error' }, 'account-refused', 502, 'upstream_error', 'upstream_auth'],
  [400, { code: 'invalid_api_key' }, 'account-refused', 502, 'upstream_error', 'upstream_auth'],
  [402, {}, 'quota-exhausted', 429, 'insufficient_quota', 'insufficient_quota'],
  [429, { code: 'insufficient_quota' }, 'quota-exhausted', 429, 'insufficient_quota', 'insufficient_quota'],
  [429, { type: 'insufficient_quota' }, 'quota-exhausted', 429, 'insufficient_quota', 'insufficient_quota'],
  [404, {}, 'model-not-found', 404, 'invalid_request_error', 'model_not_found'],
  [400, { code: 'model_not_found' }, 'model-not-found', 404, 'invalid_request_error', 'model_not_found'],
  [405, {}, 'upstream-outdated', 502, 'upstream_error', 'upstream_protocol'],
  [406, {}, 'upstream-outdated', 502, 'upstream_error', 'upstream_protocol'],
  [415, {}, 'upstream-outdated', 502, 'upstream_error', 'upstream_protocol'],
  [408, {}, 'timeout', 504, 'upstream_error', 'upstream_timeout'],
  [409, {}, 'busy', 503, 'upstream_error', 'upstream_busy'],
  [425, {}, 'busy', 503, 'upstream_error', 'upstream_busy'],
  [429, {}, 'rate-limited', 429, 'rate_limit_error', 'rate_limit_exceeded'],
  [
    429,
    { type: 'tokens', code: 'rate_limit_exceeded' },
    'rate-limited',
    429,
    'rate_limit_error',
    'rate_limit_exceeded',
  ],
  [500, {}, 'upstream-failed', 502, 'upstream_error', 'upstream_error'],
  [502, {}, 'upstream-failed', 502, 'upstream_error', 'upstream_error'],
  [503, {}, 'overloaded', 503, 'service_unavailable_error', 'upstream_overloaded'],
  [529, {}, 'overloaded', 503, 'service_unavailable_error', 'upstream_overloaded'],
  [500, { type: 'overloaded_error' }, 'overloaded', 503, 'service_unavailable_error', 'upstream_overloaded'],
  [504, {}, 'timeout', 504, 'upstream_error', 'upstream_timeout'],
  [301, {}, 'upstream-outdated', 502, 'upstream_error', 'upstream_redirect'],
  [302, {}, 'upstream-outdated', 502, 'upstream_error', 'upstream_redirect'],
  [307, {}, 'upstream-outdated', 502, 'upstream_error', 'upstream_redirect'],
  [308, {}, 'upstream-outdated', 502, 'upstream_error', 'upstream_redirect'],
  [204, {}, 'upstream-failed', 502, 'upstream_error', 'upstream_bad_response'],
  [101, {}, 'upstream-failed', 502, 'upstream_error', 'upstream_bad_response'],
  [799, {}, 'upstream-failed', 502, 'upstream_error', 'upstream_bad_response'],
  [418, {}, 'invalid-request', 400, 'invalid_request_error', 'invalid_request'],
  // an error object inside a 200; the object may have its own status
  [200, {}, 'upstream-failed', 502, 'upstream_error', 'upstream_error'],
  [0, {}, 'upstream-failed', 502, 'upstream_error', 'upstream_error'],
  [0, { type: 'invalid_request_error' }, 'invalid-request', 400, 'invalid_request_error', 'invalid_request'],
  [0, { type: 'BadRequestError' }, 'invalid-request', 400, 'invalid_request_error', 'invalid_request'],
  [200, { code: 'server_is_overloaded' }, 'overloaded', 503, 'service_unavailable_error', 'upstream_overloaded'],
  [500, { type: 'invalid_request_error' }, 'upstream-failed', 502, 'upstream_error', 'upstream_error'],
]

for (const [status, complaint, reason, clientStatus, type, code] of rows) {
  const said = JSON.stringify(complaint).replaceAll('"', '')
  test(`section 3: an upstream's ${status} ${said} is ${reason}: ${clientStatus} ${type} ${code}`, () => {
    const error = statusError({ status, headers: none }, complaint)
    expect({
      reason: error.reason,
      status: error.meaning.status,
      type: words[error.reason].type,
      code: error.code,
    }).toEqual({
      reason,
      status: clientStatus,
      type,
      code,
    })
    expect(error.upstreamStatus).toBe(status || undefined)
    expect(error.message).not.toBe('')
  })
}

test('section 3: no status of an upstream becomes a 401, 402 or 403 for the client', () => {
  const word = fc.constantFrom(undefined, 'invalid_api_key', 'authentication_error', 'invalid_request_error', 'x')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999 }), word, word, (status, code, type) => {
      const error = statusError({ status, headers: none }, { ...(code && { code }), ...(type && { type }) })
      expect([401, 402, 403, 407]).not.toContain(error.meaning.status)
    }),
  )
})

test('a message of the upstream reaches the caller if it says how to correct the request', () => {
  const error = statusError(
    { status: 400, headers: none },
    { message: 'seed must be a number', code: 'bad_seed', param: 'seed' },
  )
  expect(error).toMatchObject({ message: 'seed must be a number', code: 'bad_seed', param: 'seed' })
})

test('a message of the upstream about our account never looks like a fault of the caller', () => {
  const error = statusError(
    { status: 401, headers: none },
    { message: 'Incorrect API key', code: 'invalid_api_key', param: 'key' },
  )
  expect(error.message).toContain("the gateway's account (HTTP 401)")
  expect(error).toMatchObject({ code: 'upstream_auth', param: undefined })
})

test('item 34: an upstream’s message is cut to 300 characters, without control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 1_000 }), (message) => {
      const { message: shown } = statusError({ status: 400, headers: none }, { message })
      expect(shown.length).toBeLessThanOrEqual(300)
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      expect(shown.isWellFormed()).toBe(true)
    }),
  )
})

test('item 34: line ends, escapes and characters that change the direction of text become a blank', () => {
  const { message } = statusError(
    { status: 400, headers: none },
    { message: 'a\r\nb\u001b[31mc\u202ed\u2028e\u0000f\u200bg' },
  )
  expect(message).toBe('a b [31mc d e f g')
})

test('the 300 characters do not end within a character', () => {
  expect(statusError({ status: 400, headers: none }, { message: `${'x'.repeat(299)}🙂` }).message).toBe('x'.repeat(299))
})

test('a URL in an upstream’s message loses its user, query and fragment', () => {
  const message = 'cannot load https://ann:pw@host/a.png?sig=abc#frag, see http://host/docs'
  expect(statusError({ status: 400, headers: none }, { message }).message).toBe(
    'cannot load https://host/a.png see http://host/docs',
  )
})

test('no text of an HTML page is passed on as a message', () => {
  for (const message of ['<!DOCTYPE html><p>hello', 'x <html>', '<script>alert(1)</script>', '\n<body>']) {
    for (const status of [400, 404, 500]) {
      expect(statusError({ status, headers: none }, { message }).message).not.toMatch(/[<>]|hello|alert/)
    }
  }
})

test('an upstream’s code and parameter are cut to a length', () => {
  const error = statusError({ status: 400, headers: none }, { code: 'c'.repeat(5_000), param: 'p'.repeat(5_000) })
  expect(error.code.length).toBeLessThanOrEqual(100)
  expect(error.param?.length).toBeLessThanOrEqual(200)
})

const now = Date.UTC(2026, 10, 21, 9, 0, 0)
const hourMs = 3_600_000

const waits: readonly (readonly [string, Readonly<Record<string, string>>, number | undefined])[] = [
  ['seconds', { 'retry-after': '7' }, 7_000],
  ['no time', { 'retry-after': '0' }, 0],
  ['parts of a second', { 'retry-after': '1.5' }, 1_500],
  ['seconds over an hour', { 'retry-after': '86400' }, hourMs],
  ['a date', { 'retry-after': 'Sat, 21 Nov 2026 09:00:30 GMT' }, 30_000],
  ['a date in the past', { 'retry-after': 'Sat, 21 Nov 2020 09:00:30 GMT' }, 0],
  ['a date far away', { 'retry-after': 'Sat, 21 Nov 2037 09:00:30 GMT' }, hourMs],
  ['milliseconds', { 'retry-after-ms': '250' }, 250],
  ['milliseconds over an hour', { 'retry-after-ms': '99999999' }, hourMs],
  ['milliseconds, which are finer than seconds', { 'retry-after-ms': '250', 'retry-after': '9' }, 250],
  ['seconds next to invalid milliseconds', { 'retry-after-ms': 'soon', 'retry-after': '9' }, 9_000],
  ['nothing', {}, undefined],
  ['an empty value', { 'retry-after': '' }, undefined],
  ['a negative number', { 'retry-after': '-1' }, undefined],
  ['a number in scientific notation', { 'retry-after': '1e3' }, undefined],
  ['hexadecimal', { 'retry-after': '0x10' }, undefined],
  ['words', { 'retry-after': 'later' }, undefined],
  ['infinity', { 'retry-after': 'Infinity' }, undefined],
  ['a year that Date.parse would take', { 'retry-after': '2026-11-21' }, undefined],
  ['an invalid date', { 'retry-after': 'Sat, soon' }, undefined],
  ['two values', { 'retry-after': '1, 2' }, undefined],
]

for (const [name, headers, expected] of waits) {
  test(`Retry-After: ${name}`, () => {
    expect(parseRetryAfter(new Headers(headers), now)).toBe(expected)
  })
}

test('Retry-After: any value becomes a time within an hour or is ignored', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'grapheme-ascii' }), fc.double().map(String), fc.date().map(String)),
      (said) => {
        const ms = parseRetryAfter(new Headers({ 'retry-after': said, 'retry-after-ms': said }), now)
        if (ms === undefined) return
        expect(ms).toBeGreaterThanOrEqual(0)
        expect(ms).toBeLessThanOrEqual(hourMs)
      },
    ),
  )
})

test('Retry-After is read for every refusal', () => {
  expect(statusError({ status: 503, headers: new Headers({ 'retry-after': '5' }) }, {}).retryAfterMs).toBe(5_000)
  expect(statusError({ status: 503, headers: none }, {}).retryAfterMs).toBeUndefined()
})

function replyOf(status: number, text: string, headers: Readonly<Record<string, string>> = {}): HttpReply {
  async function* body() {
    yield new TextEncoder().encode(text)
  }
  return {
    status,
    headers: new Headers(headers),
    body: body(),
    bytes: () => Promise.resolve(new TextEncoder().encode(text)),
    text: () => Promise.resolve(text),
    receivedAt: 0,
    limitIdle: () => undefined,
    discard: () => undefined,
  }
}

const readMessage = (body: unknown): UpstreamComplaint =>
  typeof body === 'object' && body !== null && 'message' in body ? { message: String(body.message) } : {}

test('a refusal is read by its dialect, as JSON if it is valid JSON', async () => {
  expect((await refusal(replyOf(400, '{"message":"no"}'), readMessage)).message).toBe('no')
  const seen: unknown[] = []
  const note = (body: unknown) => {
    seen.push(body)
    return {}
  }
  await refusal(replyOf(500, 'plain'), note)
  expect(seen).toEqual(['plain'])
})

test('a refusal with a broken or too long body is classified by its status', async () => {
  async function* breaking(): AsyncGenerator<Uint8Array> {
    yield new TextEncoder().encode('{"message":')
    throw new ChatError('upstream-failed', { message: 'lost' })
  }
  expect(await refusal({ ...replyOf(429, ''), body: breaking() }, readMessage)).toMatchObject({
    reason: 'rate-limited',
  })
  const long = replyOf(429, JSON.stringify({ message: 'x'.repeat(100_000) }))
  expect(await refusal(long, readMessage)).toMatchObject({ reason: 'rate-limited' })
})

test('a redirect is recognized, even with a page in its body', async () => {
  const page = '<html><head><title>302 Found</title></head></html>'
  for (const status of [301, 302, 303, 307, 308]) {
    const error = await refusal(replyOf(status, page, { 'content-type': 'text/html', location: '/' }), readMessage)
    expect(error).toMatchObject({ reason: 'upstream-outdated', code: 'upstream_redirect', upstreamStatus: status })
    expect(error.meaning.retry).toBe('none')
  }
})

const challenges: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
  ['Cloudflare’s header without a page', { 'cf-mitigated': 'challenge', 'content-type': 'application/json' }, '{}'],
  ['Cloudflare’s header', { 'cf-mitigated': 'challenge', 'content-type': 'text/html' }, '<html>'],
  [
    'Cloudflare’s page',
    {},
    '<!DOCTYPE html><title>Just a moment...</title><script src="/cdn-cgi/challenge-platform/x">',
  ],
  ['a captcha', { 'content-type': 'text/html; charset=utf-8' }, '<html><div class="g-recaptcha"></div>'],
  ['a block page', {}, '  \n<html><title>Attention Required! | Cloudflare</title>'],
]

for (const [name, headers, page] of challenges) {
  test(`section 3: ${name} is a challenge with any status: 502 upstream_blocked`, async () => {
    for (const status of [403, 429, 503]) {
      const error = await refusal(replyOf(status, page, headers), readMessage)
      expect(error).toMatchObject({ reason: 'challenged', code: 'upstream_blocked', upstreamStatus: status })
      expect(error.meaning.status).toBe(502)
      expect(error.message).not.toContain('<')
    }
    expect(pageError({ status: 200, headers: new Headers(headers) }, page).reason).toBe('challenged')
  })
}

test('a web page in place of an answer is a failure of the upstream, and the message has its status', async () => {
  const page = '<html><h1>nginx at 10.0.0.1</h1>'
  const expected: readonly (readonly [number, string])[] = [
    [200, 'upstream_bad_response'],
    [400, 'upstream_bad_response'],
    [403, 'upstream_bad_response'],
    [404, 'upstream_bad_response'],
    [429, 'rate_limit_exceeded'],
    [500, 'upstream_error'],
    [502, 'upstream_error'],
    [503, 'upstream_overloaded'],
    [504, 'upstream_timeout'],
  ]
  for (const [status, code] of expected) {
    const error = await refusal(replyOf(status, page, { 'content-type': 'text/html', 'retry-after': '3' }), readMessage)
    expect(error).toMatchObject({ code, upstreamStatus: status })
    expect(error.message).not.toMatch(/nginx|10\.0\.0\.1|</)
    if (status >= 429) expect(error.retryAfterMs).toBe(3_000)
  }
})

test('a page is recognized by its content type or by its beginning', () => {
  expect(isPage(new Headers({ 'content-type': 'text/html' }))).toBe(true)
  expect(isPage(new Headers({ 'content-type': 'TEXT/HTML;charset=x' }))).toBe(true)
  expect(isPage(none, ' \r\n<!doctype html>')).toBe(true)
  expect(isPage(new Headers({ 'content-type': 'application/json' }), '{"a":"<html>"}')).toBe(false)
})

test('item 35: an upstream’s code is redacted', () => {
  const key = new Secret('goldcrestkey')
  const error = statusError({ status: 400, headers: new Headers() }, { message: 'No.', code: 'not_goldcrestkey' })
  expect(error.code).toBe('not_[secret]')
  expect(key.reveal()).toBe('goldcrestkey')
})
