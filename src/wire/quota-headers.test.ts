import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { QuotaWindow } from '../chat/quota.ts'
import { statusError } from './http-status.ts'
import { msUntilReset, quotaIn } from './quota-headers.ts'
import { readReset } from './read-reset.ts'
import { HeaderLines } from './reply-headers.ts'
import { waitInWords } from './wait-in-words.ts'

const now = Date.UTC(2026, 10, 29, 14)
const seconds = 1_000
const day = 86_400 * seconds

/** @param head header lines without their ends */
function report(...head: readonly string[]) {
  const lines = ['Content-Type: application/json', ...head, 'Date: Sun, 29 Nov 2026 14:00:00 GMT']
  return quotaIn({ headers: new HeaderLines(`\r\n${lines.join('\r\n')}\r\n`), receivedAt: now })
}

type Row = Partial<QuotaWindow> & Pick<QuotaWindow, 'unit' | 'remaining'>

/** The shapes of the services' own documents, or of replies that were published, with invented numbers. */
const services: readonly (readonly [string, readonly string[], readonly Row[]])[] = [
  [
    'OpenAI',
    [
      'x-ratelimit-limit-requests: 5000',
      'x-ratelimit-limit-tokens: 160000',
      'x-ratelimit-remaining-requests: 4999',
      'x-ratelimit-remaining-tokens: 159976',
      'x-ratelimit-reset-requests: 12ms',
      'x-ratelimit-reset-tokens: 6m0s',
    ],
    [
      { unit: 'requests', limit: 5000, remaining: 4999, resetAt: now + 12, isGradual: true },
      { unit: 'tokens', limit: 160_000, remaining: 159_976, resetAt: now + 360 * seconds, isGradual: true },
    ],
  ],
  [
    'Anthropic',
    [
      'anthropic-ratelimit-requests-limit: 50',
      'anthropic-ratelimit-requests-remaining: 49',
      'anthropic-ratelimit-requests-reset: 2026-11-29T14:00:01Z',
      'anthropic-ratelimit-input-tokens-limit: 30000',
      'anthropic-ratelimit-input-tokens-remaining: 0',
      'anthropic-ratelimit-input-tokens-reset: 2026-11-29T14:01:00Z',
    ],
    [
      { unit: 'requests', limit: 50, remaining: 49, resetAt: now + seconds, isGradual: true },
      { unit: 'tokens', scope: 'input', remaining: 0, resetAt: now + 60 * seconds, isGradual: true },
    ],
  ],
  [
    'Mistral, which states no reset',
    [
      'x-ratelimit-limit-req-minute: 720',
      'x-ratelimit-remaining-req-minute: 717',
      'x-ratelimit-limit-tokens-minute: 5000000',
      'x-ratelimit-remaining-tokens-minute: 4999911',
      'x-ratelimit-remaining-tokens-month: 3950246',
      'x-ratelimit-tokens-query-cost: 52',
    ],
    [
      { unit: 'requests', scope: 'minute', limit: 720, remaining: 717, lengthMs: 60 * seconds, resetAt: undefined },
      { unit: 'tokens', scope: 'minute', remaining: 4_999_911 },
      { unit: 'tokens', scope: 'month', remaining: 3_950_246, lengthMs: 30 * day },
    ],
  ],
  [
    'Mistral, as it was',
    [
      'ratelimitbysize-limit: 500000',
      'ratelimitbysize-remaining: 499000',
      'ratelimitbysize-reset: 20',
      'x-ratelimitbysize-remaining-month: 9',
    ],
    [
      { unit: 'tokens', limit: 500_000, remaining: 499_000, resetAt: now + 20 * seconds },
      { unit: 'tokens', scope: 'month', remaining: 9 },
    ],
  ],
  [
    'Cohere, with a trial key',
    ['x-endpoint-monthly-call-limit: 1000', 'x-trial-endpoint-call-limit: 20', 'x-trial-endpoint-call-remaining: 19'],
    [{ unit: 'requests', limit: 20, remaining: 19, resetAt: undefined }],
  ],
  [
    'Cerebras',
    [
      'x-ratelimit-limit-requests-day: 100',
      'x-ratelimit-remaining-requests-day: 99',
      'x-ratelimit-reset-requests-day: 33011.4',
    ],
    [{ unit: 'requests', scope: 'day', lengthMs: day, remaining: 99, resetAt: now + 33_011_400, isGradual: false }],
  ],
  [
    'Azure, which states no reset of the tokens',
    ['X-RateLimit-Remaining-Requests: 3', 'X-RateLimit-Reset-Requests: 10', 'X-RateLimit-Remaining-Tokens: 0'],
    [
      { unit: 'requests', remaining: 3, resetAt: now + 10 * seconds },
      { unit: 'tokens', remaining: 0, resetAt: undefined },
    ],
  ],
  [
    'OpenRouter, in milliseconds since 1970',
    ['X-RateLimit-Limit: 20', 'X-RateLimit-Remaining: 0', `X-RateLimit-Reset: ${now + 5 * seconds}`],
    [{ unit: 'requests', limit: 20, remaining: 0, resetAt: now + 5 * seconds }],
  ],
  [
    'Together',
    ['x-ratelimit-remaining: 5', 'x-tokenlimit-limit: 1000', 'x-tokenlimit-remaining: 0'],
    [
      { unit: 'requests', remaining: 5 },
      { unit: 'tokens', limit: 1000, remaining: 0 },
    ],
  ],
  [
    "the IETF's fields",
    [
      'RateLimit-Policy: "burst";q=100;w=60,"daily";q=1000;w=86400',
      'RateLimit: "burst";r=50;t=30, "daily tokens";r=0;t=99',
    ],
    [
      { unit: 'requests', scope: 'burst', remaining: 50, resetAt: now + 30 * seconds },
      { unit: 'tokens', scope: 'daily tokens', remaining: 0, resetAt: now + 99 * seconds },
    ],
  ],
  [
    "an older draft of the IETF's fields",
    ['RateLimit: limit=100, remaining=0, reset=30'],
    [{ unit: 'requests', limit: 100, remaining: 0, resetAt: now + 30 * seconds }],
  ],
  [
    "the oldest draft of the IETF's fields",
    ['RateLimit-Limit: 100, 100;w=60', 'RateLimit-Remaining: 12', 'RateLimit-Reset: 7'],
    [{ unit: 'requests', limit: 100, remaining: 12, lengthMs: 60 * seconds, resetAt: now + 7 * seconds }],
  ],
  [
    'another spelling of the name',
    ['X-Rate-Limit-Remaining: 1', `X-Rate-Limit-Reset: ${(now + 9 * seconds) / 1000}`],
    [{ unit: 'requests', remaining: 1, resetAt: now + 9 * seconds }],
  ],
]

describe('the limits in the headers of', () => {
  for (const [name, head, expected] of services)
    test(name, () => {
      const read = report(...head)
      expect(read?.windows()).toMatchObject(expected.map((row) => ({ ...row })))
      expect(read?.windows()).toHaveLength(expected.length)
      // nothing that is used up is overlooked
      expect(read?.mayBeUsedUp).toBe(expected.some(({ remaining }) => remaining === 0))
    })

  test('a reply without limits are not even looked at', () => {
    expect(report('x-ratelimit-limit: 20', 'x-request-id: 1')).toBeUndefined()
  })

  test('a reply through a proxy are read too', () => {
    const headers = new Headers({ 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '30' })
    expect(quotaIn({ headers, receivedAt: now })).toMatchObject({ mayBeUsedUp: true })
    expect(msUntilReset({ headers, receivedAt: now })).toBe(30 * seconds)
  })

  test('any reply are read without an error, and in time', () => {
    const word = fc.constantFrom(
      'x-',
      'ratelimit',
      'RateLimit',
      '-remaining',
      '-reset',
      '-limit',
      '-tokens',
      ':',
      '0',
      ';r=',
      '"',
      '=',
      's',
      '9',
    )
    fc.assert(
      fc.property(fc.array(fc.array(word, { maxLength: 12 }), { maxLength: 12 }), (lines) => {
        const read = report(...lines.map((words) => words.join('')))
        for (const { remaining = 0, resetAt = now + 1 } of read?.windows() ?? [])
          expect([remaining >= 0, resetAt > now]).toEqual([true, true])
      }),
    )
    const long = 'x-ratelimit-remaining-'.repeat(1_500)
    expect(report(`${long}: 1`, `ratelimit: ${'"a";r=0,'.repeat(4_000)}`)?.windows().length).toBeLessThanOrEqual(16)
  })
})

test('a reset is a duration, a time or a date', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['1s', seconds],
    ['6m0s', 360 * seconds],
    ['12ms', 12],
    ['2m59.56s', 179_560],
    ['1d2h', 26 * 3_600 * seconds],
    ['30', 30 * seconds],
    ['0.5', 500],
    [String((now + 5 * seconds) / 1000), 5 * seconds],
    [String(now + 5 * seconds), 5 * seconds],
    ['2026-11-29T14:00:05Z', 5 * seconds],
    ['Sun, 29 Nov 2026 14:00:05 GMT', 5 * seconds],
    ['0', undefined],
    ['2020-01-01T00:00:00Z', undefined],
    ['soon', undefined],
    ['', undefined],
    ['1'.repeat(400), undefined],
  ]
  for (const [text, ms] of cases)
    expect([text, readReset(text, now)]).toEqual([text, ms === undefined ? undefined : now + ms])
})

test('a refusal tells in words how long to wait', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['Rate limit reached for gpt-5. Please try again in 20s. Visit https://host to learn more.', 20 * seconds],
    ['Please try again in 6m0s.', 360 * seconds],
    ['Please try again in 7m30.24s', 450_240],
    ['Please retry in 34.074824224s.', 34_075],
    ['You have used all your credits. They reset in 2 hours and 5 minutes.', 7_500 * seconds],
    ['Too many messages, wait 30 seconds', 30 * seconds],
    ['Your daily limit resets at 2026-11-29T14:00:05Z', 5 * seconds],
    ['Retry after 3 days', day],
    ['You may send 20 requests per minute', undefined],
    ['Your limit is 300 messages a day. Try again later.', undefined],
    ['retry '.repeat(4_000), undefined],
  ]
  for (const [message, ms] of cases)
    expect([message.slice(0, 80), waitInWords(message, now)]).toEqual([message.slice(0, 80), ms])
})

test('a refusal waits for Retry-After, else for the reset of what is used up, else for its words', () => {
  const of = (head: readonly string[], message: string, status = 429) => {
    const headers = new HeaderLines(`\r\n${['a: b', ...head].join('\r\n')}\r\n`)
    return statusError({ status, headers, receivedAt: now }, { message }).retryAfterMs
  }
  const reset = ['x-ratelimit-remaining-requests: 0', 'x-ratelimit-reset-requests: 8s']
  const left = ['x-ratelimit-remaining-tokens: 5', 'x-ratelimit-reset-tokens: 50s']
  expect(of(['retry-after: 3', ...reset], 'try again in 9s')).toBe(3 * seconds)
  expect(of([...reset, ...left], 'try again in 9s')).toBe(8 * seconds)
  expect(of(left, 'try again in 9s')).toBe(9 * seconds)
  expect(of(left, '')).toBeUndefined()
  // a gradual limit is tried again long before it is whole
  expect(of(['x-ratelimit-remaining-requests: 0', 'x-ratelimit-reset-requests: 23h59m'], '')).toBe(60 * seconds)
  expect(of(reset, 'try again in 9s', 500)).toBeUndefined()
})
