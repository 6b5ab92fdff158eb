import { expect, test } from 'bun:test'
import { fits, joinNewest, readFilter, valuesOf } from './request-filter.ts'
import type { ListedRequest } from './types.ts'

const request: ListedRequest = {
  ...{ id: 'r1', time: '2026-11-29T20:00:00.000Z', key: 'phone', task: 'chat', model: 'gpt-5', upstream: 'openai' },
  ...{ account: null, outcome: 'ok', attempts: 1, first_event_ms: 1, duration_ms: 2, input_tokens: 1 },
  ...{ cached_tokens: null, cache_write_tokens: null, output_tokens: 1, cost_usd: null, continued: 0 },
  cache_broken_at: null,
}

const cases = [
  ['', true],
  ['key=phone&model=gpt-5&upstream=openai&outcome=ok', true],
  ['key=other', false],
  ['model=gpt', false],
  ['upstream=open', false],
  ['outcome=failed', false],
  ['key=&outcome=', true],
] as const

for (const [query, isWanted] of cases)
  test(`?${query} ${isWanted ? 'shows' : 'hides'} it`, () =>
    expect(fits(request, readFilter(new URLSearchParams(query)))).toBe(isWanted))

test('every failure is one choice, and a client that left is none', () => {
  const outcomes = ['ok', 'client_closed', 'timeout', 'rate_limited']
  expect(outcomes.filter((outcome) => fits({ ...request, outcome }, { outcome: 'failed' }))).toEqual([
    'timeout',
    'rate_limited',
  ])
})

test('a panel fits each of its upstreams', () => {
  const panel = { ...request, upstream: 'openai, groq' }
  expect(['openai', 'groq', 'openai, groq'].map((upstream) => fits(panel, { upstream }))).toEqual([true, true, false])
  expect(valuesOf([panel, request], 'upstream', 'gone')).toEqual(['gone', 'groq', 'openai'])
})

test('the usual outcomes are not among the found ones', () => {
  expect(valuesOf([request, { ...request, outcome: 'timeout' }], 'outcome', 'failed')).toEqual(['timeout'])
})

test('new requests come first, none twice, and the oldest are dropped', () => {
  const made = (id: string, time = request.time) => ({ ...request, id, time })
  const idsOf = (requests: readonly ListedRequest[]) => requests.map(({ id }) => id).join()
  expect(idsOf(joinNewest([made('d'), made('c')], [made('c'), made('b'), made('a')], 3))).toBe('d,c,b')
  expect(idsOf(joinNewest([made('a', 'later')], [made('a')]))).toBe('a,a')
})
