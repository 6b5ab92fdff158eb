import { expect, test } from 'bun:test'
import { conditionOf } from './condition.ts'
import type { Account, Breaker, Upstream } from './types.ts'

const account: Account = {
  ...{ label: 'x', state: 'ok', until: null, why: null, models: null, expires_at: null, renewed_at: null },
  ...{ quota: [], source: 'environment', variable: null },
}
const good: Upstream = {
  ...{ name: 'x', provider: null, address: null, running_calls: 0, models: { count: 0, known: false } },
  ...{ used_up: null, accounts: [account], breaker: { state: 'good', ejected_ms: 0, models: [] } },
}

function withStates(...states: readonly Partial<Account>[]): Upstream {
  return { ...good, accounts: states.map((state) => ({ ...account, ...state })) }
}

function withBreaker(state: Breaker['state'], models: readonly Breaker['state'][] = []): Upstream {
  const breaker = { state, ejected_ms: 0, models: models.map((own) => ({ model: 'm', state: own, ejected_ms: 0 })) }
  return { ...good, breaker }
}

test.each([
  ['works', good, 'good'],
  ['renews its session', withStates({ state: 'refreshing' }), 'good'],
  ['has no account', { ...good, accounts: [] }, 'good'],
  ['has a dead session beside a live one', withStates({ state: 'needs-login' }, {}), 'attention'],
  ['has only dead sessions', withStates({ state: 'needs-login' }, { state: 'banned' }), 'failing'],
  ['rests with one model', withStates({ state: 'cooling', models: ['m'] }), 'attention'],
  ['rests', withStates({ state: 'cooling' }), 'failing'],
  ['is used up', { ...good, used_up: { until: '2026-01-01T00:00:00Z', models: null } }, 'failing'],
  ['is mistrusted', withBreaker('mistrusted'), 'attention'],
  ['is ejected', withBreaker('ejected'), 'failing'],
  ['has a model that fails', withBreaker('good', ['ejected']), 'attention'],
] as const)('an upstream that %s', (_, upstream, condition) => {
  expect(conditionOf(upstream)).toBe(condition)
})
