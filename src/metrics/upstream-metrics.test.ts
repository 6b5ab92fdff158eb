import { expect, test } from 'bun:test'
import { upstreamFamilies } from './upstream-metrics.ts'

test('the end of a credential says whether somebody renews it', () => {
  const state = { kind: 'ok' } as const
  const families = upstreamFamilies([
    {
      ...{ name: 'lab', runningCalls: 0, retryBudget: { left: 1 }, models: { count: 1 } },
      health: { state: 'good', models: [] },
      accounts: [
        { label: 'A', state, endsAt: 5_000 },
        { label: 'B', state, renewal: { isRunning: false, expiresAt: 6_000, renewedAt: undefined } },
        { label: 'C', state },
      ],
    },
  ])
  const ends = families.find(({ name }) => name === 'tributary_account_credential_expiry_timestamp_seconds')
  expect(ends?.values).toEqual([
    { labels: { upstream: 'lab', account: 'A', renewed: 'false' }, value: 5 },
    { labels: { upstream: 'lab', account: 'B', renewed: 'true' }, value: 6 },
  ])
})
