/** The lines of the log with which the program says at its start what is on, and what is wrong. */
import { expect, test } from 'bun:test'
import { startChild } from './chaos/child.ts'
import { until } from './waiting.ts'

test('the start says in a line each what is on and what is wrong, and no secret', async () => {
  await using child = await startChild({
    ...{ HOST: '127.0.0.1', API_MASTER_KEY: 'canary1', STATE_URL: 'memory:' },
    ...{
      UPSTREAM_LAB_URL: 'http://127.0.0.1:9/v1',
      UPSTREAM_LAB_KEY: 'sk-canary-0123456789abcdef',
      UPSTREAM_LAB_MODELS: 'one',
    },
    ...{ ROUTES: 'fast = lab/one', NOTIFY_URL: 'http://127.0.0.1:9/hook/canary-0123456789' },
  })
  const checks = () => child.lines.filter(({ msg }) => msg === 'self-check')
  await until(() => JSON.stringify(checks()).includes('"needs"'), 20_000, 'the last line of the check')
  const level = 'info'
  expect(checks()).toMatchObject([
    { level, part: 'address', url: child.url, keys: 1, access: 'keys' },
    { level, part: 'state', isDurable: false },
    { level, part: 'upstreams', accounts: { lab: 1 } },
    { level, part: 'routes', routes: ['fast'], aliases: 0 },
    { level, part: 'notifications', places: ['webhook at 127.0.0.1:9'] },
    { level, part: 'log', threshold: 'info', format: 'json', isChained: false },
    { level: 'warn', part: 'needs', need: 'weak_key', severity: 'warning', variable: 'API_MASTER_KEY' },
  ])
  expect(JSON.stringify(child.lines)).not.toContain('canary')
})
