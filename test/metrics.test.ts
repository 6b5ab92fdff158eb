/** `GET /metrics`: what it shows of real requests, in both forms, and that nothing in it grows with what strangers think of. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { metricHelp } from '../src/metrics/names.ts'
import { key, startApp, type TestApp } from './attacks/rig.ts'
import { StatingUpstream, type UsageScript } from './usage-rig.ts'
import { until } from './waiting.ts'

const root = join(import.meta.dir, '..')
const named = 'sk-of-a-named-caller-0123456789'
const openMetrics = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
/** Debian's package `prometheus` has it. */
const promtool = Bun.which('promtool')
const folder = mkdtempSync(join(tmpdir(), 'tributary-metrics-'))
const keysFile = join(folder, 'keys.json')
const [good, bad] = [new StatingUpstream(), new StatingUpstream()]
let app: TestApp

beforeAll(async () => {
  writeFileSync(keysFile, JSON.stringify({ keys: [{ name: 'alice', key: named }] }), { mode: 0o600 })
  app = startApp({
    API_MASTER_KEY: key,
    API_KEYS_FILE: keysFile,
    UPSTREAM_GOOD_URL: good.url,
    UPSTREAM_BAD_URL: bad.url,
    ROUTES: 'both = bad/m > good/m',
  })
  await app.app.ready
  // otherwise an unknown model could be one of a list that has not come
  await (await fetch(`${app.url}/v1/models`, { headers: { authorization: `Bearer ${named}` } })).text()
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await Promise.all([good.close(), bad.close()])
  rmSync(folder, { recursive: true })
})

const usage = { input: 30, cached: 20, output: 10, nanos: 5_000_000, end: 'usage' } as const

async function ask(model: string, { script = usage, ...more }: { script?: UsageScript; stream?: boolean } = {}) {
  const messages = [{ role: 'user', content: JSON.stringify(script) }]
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${named}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages, ...more }),
  })
  await response.text()
  return response.status
}

async function scrape(headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const response = await fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${key}`, ...headers } })
  expect(response.status).toBe(200)
  return response.text()
}

/** The number of a series whose labels contain these. */
function numberOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const found = text.split('\n').filter((line) => {
    const [series = ''] = line.split(' ')
    return (series === name || series.startsWith(`${name}{`)) && wanted.every((part) => series.includes(part))
  })
  expect(found.length).toBeLessThan(2)
  return found[0] === undefined ? undefined : Number(found[0].split(' ').at(-1))
}

function seriesIn(text: string): number {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
}

async function runPromtool(args: readonly string[], input = ''): Promise<readonly [code: number, said: string]> {
  const child = Bun.spawn([promtool ?? '', ...args], {
    cwd: join(root, 'deploy/prometheus'),
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [said, complained] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return [await child.exited, said + complained]
}

describe('after some requests', () => {
  let text: string
  beforeAll(async () => {
    expect(await ask('good/m')).toBe(200)
    expect(await ask('good/m', { stream: true })).toBe(200)
    expect(await ask('good/m', { script: { ...usage, end: 'refused' } })).toBe(400)
    await ask('good/m', { script: { ...usage, nanos: undefined } })
    await bad.close()
    expect(await ask('both')).toBe(200)
    await fetch(`${app.url}/admin/tools/builtin__current_time/call`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: '{"arguments":{}}',
    })
    text = await scrape()
  })

  test('they are counted by surface, model, upstream, key and outcome', () => {
    const of = { surface: 'openai', operation: 'chat', key: 'alice' }
    const count = (labels: Readonly<Record<string, string>>) =>
      numberOf(text, 'tributary_requests_total', { ...of, ...labels })
    expect(count({ model: 'good/m', upstream: 'good', outcome: 'ok' })).toBe(3)
    expect(count({ model: 'good/m', upstream: 'good', outcome: 'invalid_request' })).toBe(1)
    expect(count({ model: 'both', upstream: 'good', outcome: 'ok' })).toBe(1)
  })

  test('their times have the names of the conventions for generative AI', () => {
    const labels = { gen_ai_operation_name: 'chat', gen_ai_provider_name: 'good' }
    const server = { ...labels, gen_ai_request_model: 'good/m', surface: 'openai' }
    expect(numberOf(text, 'gen_ai_server_time_to_first_token_seconds_count', server)).toBe(1)
    expect(numberOf(text, 'gen_ai_server_time_per_output_token_seconds_count', server)).toBe(1)
    const failed = { ...server, error_type: 'invalid_request' }
    expect(numberOf(text, 'gen_ai_server_request_duration_seconds_count', failed)).toBe(1)
    const client = { ...labels, gen_ai_request_model: 'm' }
    expect(numberOf(text, 'gen_ai_client_operation_time_to_first_chunk_seconds_count', client)).toBe(4)
    expect(numberOf(text, 'gen_ai_client_token_usage_sum', { ...client, gen_ai_token_type: 'output' })).toBe(40)
  })

  test('their tokens and their cost are those that the upstream has stated', () => {
    const of = { upstream: 'good', model: 'm', key: 'alice' }
    const tokens = (kind: string) => numberOf(text, 'tributary_tokens_total', { ...of, source: 'upstream', kind })
    expect([tokens('input'), tokens('cached_input'), tokens('output')]).toEqual([120, 80, 40])
    expect(numberOf(text, 'tributary_cost_usd_total', of)).toBeCloseTo(0.015)
    expect(numberOf(text, 'tributary_unpriced_answers_total', of)).toBe(1)
  })

  test('an attempt in place of a failed one is counted', () => {
    expect(numberOf(text, 'tributary_retries_total', { upstream: 'good', kind: 'failover' })).toBe(1)
    expect(numberOf(text, 'tributary_attempts_total', { upstream: 'good', model: 'm', outcome: 'ok' })).toBe(4)
  })

  test('the state of the parts is shown', () => {
    expect(numberOf(text, 'tributary_upstream_state', { upstream: 'good', state: 'good' })).toBe(1)
    expect(numberOf(text, 'tributary_upstream_state', { upstream: 'good', state: 'ejected' })).toBe(0)
    expect(numberOf(text, 'tributary_accounts', { upstream: 'good', state: 'ok' })).toBe(1)
    expect(numberOf(text, 'tributary_tool_calls_total', { server: 'builtin', outcome: 'ok' })).toBe(1)
    expect(numberOf(text, 'tributary_running_calls')).toBe(0)
    expect(numberOf(text, 'tributary_store_problem')).toBe(0)
    expect(numberOf(text, 'tributary_store_operation_duration_seconds_count', { operation: 'get' })).toBeGreaterThan(0)
    expect(numberOf(text, 'tributary_last_reload_successful')).toBe(1)
  })

  test('no secret and no prompt is in it', () => {
    for (const secret of [key, named, 'nanos']) expect(text).not.toContain(secret)
  })
})

test('names that clients make up are one, and a name with odd characters harms nothing', async () => {
  await ask('good/invented 0')
  const before = await scrape()
  for (let at = 1; at <= 30; at++) await ask(`nothing/invented "${at}"\n# {x}`)
  const after = await scrape()
  const invented = { model: 'other', upstream: 'none', outcome: 'model_not_found' }
  expect(numberOf(after, 'tributary_requests_total', invented)).toBe(30)
  // one counter, and one histogram of durations
  expect(seriesIn(after) - seriesIn(before)).toBeLessThan(25)
})

test('an open stream is counted while it is open', async () => {
  const leaving = new AbortController()
  const script = { ...usage, end: 'open' }
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    signal: leaving.signal,
    headers: { authorization: `Bearer ${named}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'good/m',
      stream: true,
      messages: [{ role: 'user', content: JSON.stringify(script) }],
    }),
  })
  await response.body?.getReader().read()
  expect(numberOf(await scrape(), 'tributary_open_streams')).toBe(1)
  expect(numberOf(await scrape(), 'tributary_running_calls')).toBe(1)
  leaving.abort()
  const left = async () => numberOf(await scrape(), 'tributary_open_streams') === 0
  await until(left, 5_000, 'the end of the stream')
  const outcome = { model: 'good/m', outcome: 'client_closed' }
  expect(numberOf(await scrape(), 'tributary_requests_total', outcome)).toBe(1)
})

describe('who may read it, and in which form', () => {
  const status = async (headers: Readonly<Record<string, string>>) =>
    (await fetch(`${app.url}/metrics`, { headers })).status

  test('an admin only', async () => {
    expect(await status({})).toBe(401)
    expect(await status({ authorization: `Bearer ${named}` })).toBe(403)
    expect(await status({ authorization: `Bearer ${key}` })).toBe(200)
  })

  test('text by default, and OpenMetrics for who names it', async () => {
    const authorization = `Bearer ${key}`
    const text = await fetch(`${app.url}/metrics`, { headers: { authorization } })
    expect(text.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const open = await fetch(`${app.url}/metrics`, { headers: { authorization, accept: openMetrics } })
    expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
    const body = await open.text()
    expect(body.endsWith('\n# EOF\n')).toBe(true)
    expect(body).toContain('# TYPE tributary_requests counter\n')
    expect(numberOf(body, 'tributary_requests_total', { model: 'both' })).toBe(1)
    expect(body).not.toContain('_total_total')
  })

  test('without keys, a program on this machine', async () => {
    await using open = startApp({})
    expect((await fetch(`${open.url}/metrics`)).status).toBe(200)
    const foreign = await fetch(`${open.url}/metrics`, { headers: { origin: 'https://elsewhere.example' } })
    expect(foreign.status).toBe(403)
  })
})

describe('the files beside it', () => {
  const known = new Set<string>(Object.keys(metricHelp))
  /** The names of metrics in a query, without the endings that a counter and a histogram add. */
  const unknownIn = (text: string) =>
    [...text.matchAll(/\b(?:tributary|gen_ai_(?:client|server|execute)|process)_[a-z_]+/g)]
      .map(([name]) => name.replace(/_(?:total|bucket|sum|count)$/, ''))
      .filter((name) => !known.has(name))

  const queriesOf = async (): Promise<readonly string[]> => {
    const dashboard = await Bun.file(join(root, 'deploy/grafana/dashboard.json')).json()
    const panels: readonly { targets?: readonly { expr: string }[] }[] = dashboard.panels
    return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  }

  test('docs/metrics.md has every metric, and no other', async () => {
    const rows = (await Bun.file(join(root, 'docs/metrics.md')).text()).matchAll(/^\| `(\w+)` \|/gm)
    const listed = [...rows].map(([, name = '']) => name.replace(/_total$/, ''))
    expect(listed.toSorted()).toEqual([...known].sort())
  })

  test('the dashboard and the alerts ask for metrics that exist', async () => {
    const queries = await queriesOf()
    expect(queries.length).toBeGreaterThan(20)
    expect(unknownIn(queries.join('\n'))).toEqual([])
    const alerts = await Bun.file(join(root, 'deploy/prometheus/alerts.yml')).text()
    expect(unknownIn(alerts.replace(/^\s*#.*$/gm, ''))).toEqual([])
    expect(unknownIn('tributary_nothing_total')).toEqual(['tributary_nothing'])
  })

  // CI has it
  const withPromtool = test.skipIf(!promtool && !process.env.CI)

  withPromtool('promtool finds nothing wrong with the metrics', async () => {
    expect(await runPromtool(['check', 'metrics'], await scrape())).toEqual([0, ''])
    const [code] = await runPromtool(['check', 'metrics'], '# TYPE a counter\na 1\n')
    expect(code).not.toBe(0)
  })

  withPromtool('the queries of the dashboard are valid', async () => {
    const filled = (await queriesOf()).map((query) =>
      query.replaceAll('$__rate_interval', '5m').replace(/\$\w+/g, '.*'),
    )
    const rules = filled.map((expr, at) => ({ record: `query:${at}`, expr }))
    const file = join(folder, 'queries.yml')
    // JSON is YAML too
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
    expect(await runPromtool(['check', 'rules', '--lint=none', file])).toEqual([0, expect.stringContaining('SUCCESS')])
  })

  withPromtool('the alert rules are valid, and fire when they should', async () => {
    expect(await runPromtool(['check', 'rules', 'alerts.yml'])).toEqual([0, expect.stringContaining('SUCCESS')])
    expect(await runPromtool(['test', 'rules', 'alerts.test.yml'])).toEqual([0, expect.stringContaining('SUCCESS')])
  })
})
