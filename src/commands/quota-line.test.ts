import { expect, test } from 'bun:test'
import { ChatError, type Reason } from '../chat/error.ts'
import type { QuotaWindow } from '../chat/quota.ts'
import type { Finding } from '../gateway/examine.ts'
import { quotaLine, usedUpLines } from './quota-line.ts'

const now = Date.UTC(2026, 10, 29, 13, 55)
const minuteMs = 60_000

test('a line says what is left and when it is reset', () => {
  const window: QuotaWindow = {
    unit: 'requests',
    scope: '',
    limit: 500,
    remaining: 212,
    lengthMs: undefined,
    resetAt: now + 4 * minuteMs,
    isGradual: false,
  }
  expect(quotaLine([window], now)).toBe('212 of 500 requests left, resets in 4 min')
  const tokens: QuotaWindow = { ...window, unit: 'tokens', scope: 'input', limit: undefined, resetAt: now + 90_000 }
  expect(quotaLine([tokens, { ...window, resetAt: undefined }], now)).toBe(
    '212 tokens (input) left, resets in 90 s; 212 of 500 requests left',
  )
  expect(quotaLine([{ ...window, resetAt: now + 1_440 * minuteMs }], now)).toEndWith('resets in 24 h')
  expect(quotaLine([], now)).toBe('')
})

test('a line names each upstream whose accounts are all used up', () => {
  const finding = (upstream: string, reason?: Reason, retryAfterMs?: number): Finding => ({
    upstream,
    account: 'a',
    model: 'm',
    tookMs: 1,
    quota: [],
    error: reason && new ChatError(reason, { message: '', ...(retryAfterMs !== undefined && { retryAfterMs }) }),
  })
  const findings = [
    finding('one', 'rate-limited', 20 * minuteMs),
    finding('one', 'quota-exhausted', 10 * minuteMs),
    finding('two', 'rate-limited', minuteMs),
    finding('two'),
    finding('three', 'quota-exhausted'),
    finding('four', 'account-refused', minuteMs),
  ]
  expect(usedUpLines(findings, now)).toEqual([
    'All accounts of one are used up until 14:05 UTC.',
    'All accounts of three are used up.',
  ])
})
