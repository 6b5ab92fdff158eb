/** What the ledger says is what the upstreams said: for answers, panels, tasks, cuts, and clients that leave. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { isFields } from '../src/dialects/fields.ts'
import { startGateway } from './chaos/gateway.ts'
import { runs } from './sizes.ts'
import { StatingUpstream, type UsageScript } from './usage-rig.ts'
import { until } from './waiting.ts'

const [a, b] = [new StatingUpstream(), new StatingUpstream()]
const gateway = startGateway({
  UPSTREAM_A_URL: a.url,
  UPSTREAM_B_URL: b.url,
  ROUTES: 'both = a/m + b/m',
  LOG_LEVEL: 'silent',
})
afterAll(async () => {
  await gateway.close()
  await a.close()
  await b.close()
})

interface AskedRequest {
  readonly kind: 'whole' | 'streamed' | 'twice' | 'panel' | 'embedding'
  readonly script: UsageScript
}

const script = fc.record({
  input: fc.integer({ min: 1_000, max: 2_000 }),
  cached: fc.nat(1_000),
  output: fc.nat(5_000),
  nanos: fc.option(fc.nat(10_000_000), { nil: undefined }),
  end: fc.constant('usage' as const),
})
const answered: fc.Arbitrary<AskedRequest> = fc.record({
  kind: fc.constantFrom('whole', 'streamed', 'twice', 'panel', 'embedding'),
  script,
})
/** At a model whose sums are not compared, because its tokens are estimated. */
const unfinished: fc.Arbitrary<AskedRequest> = fc.record({
  kind: fc.constant('streamed' as const),
  script: fc.record({
    input: fc.constant(0),
    cached: fc.constant(0),
    output: fc.constant(0),
    end: fc.constantFrom('cut' as const, 'open' as const, 'refused' as const),
  }),
})

async function post(path: string, body: object): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** Sends a request and reads the answer, or leaves an answer that does not end. */
async function ask({ kind, script: said }: AskedRequest): Promise<void> {
  if (kind === 'embedding') {
    await (await post('/v1/embeddings', { model: 'b/m', input: ['one', 'two'] })).text()
    return
  }
  const model = said.end !== 'usage' ? 'a/n' : kind === 'panel' ? 'both' : 'a/m'
  const content = JSON.stringify(kind === 'twice' ? { ...said, requests: 2 } : said)
  const messages = [{ role: 'user', content }]
  const more = { ...(kind === 'twice' && { n: 2 }), tributary: { continue: false } }
  const reply = await post('/v1/chat/completions', { model, messages, stream: kind === 'streamed', ...more })
  if (said.end !== 'open') return void (await reply.text())
  const reader = reply.body?.getReader()
  await reader?.read()
  await reader?.cancel()
}

interface Row {
  readonly requests: number
  readonly failed: number
  readonly answers: number
  readonly input_tokens: number
  readonly cached_tokens: number
  readonly output_tokens: number
  readonly estimated_answers: number
  readonly cost_usd: number | null
  readonly unknown_costs: number
}

async function report(): Promise<ReadonlyMap<string, Row>> {
  const reply = await fetch(`${gateway.url}/admin/usage?by=model`)
  const { data, total }: { data: (Row & { model: string })[]; total: Row } = JSON.parse(await reply.text())
  return new Map([...data.map((row) => [row.model, row] as const), ['total', total]])
}

/** The sums that the report must have by now. */
function expected() {
  return [a, b].flatMap((upstream, at) => {
    const { answers, input, cached, output, nanos, unpriced } = upstream.of('m')
    const row = {
      ...{ answers, input_tokens: input, cached_tokens: cached, output_tokens: output, estimated_answers: 0 },
      ...{ unknown_costs: unpriced, cost_usd: answers > 0 && unpriced === answers ? null : nanos / 1e9 },
    }
    return answers > 0 ? [[`${'ab'[at]}/m`, row] as const] : []
  })
}

let asked = 0
test('the sums of the ledger are those of the upstreams, for any mix of requests at once', async () => {
  const mix = fc.array(fc.oneof({ weight: 4, arbitrary: answered }, { weight: 1, arbitrary: unfinished }), {
    minLength: 1,
    maxLength: 25,
  })
  await fc.assert(
    fc.asyncProperty(mix, async (requests) => {
      asked += requests.length
      await Promise.all(requests.map(ask))
      const left = () => a.of('n').unfinished
      const isCounted = async () => {
        const rows = await report()
        return rows.get('total')?.requests === asked && (rows.get('a/n')?.answers ?? 0) === left()
      }
      await until(isCounted, 5_000, 'every request and each unfinished answer is counted')
      const rows = await report()
      for (const [model, row] of expected()) expect(rows.get(model)).toMatchObject(row)
      expect(rows.get('a/n')?.estimated_answers ?? 0).toBe(left())
      if (left() > 0) expect(rows.get('a/n')?.output_tokens).toBeGreaterThanOrEqual(left())
    }),
    { numRuns: runs(60) },
  )
})

test('each part of a continued answer is counted', async () => {
  const content = JSON.stringify({ input: 0, cached: 0, output: 0, end: 'cut' })
  const messages = [{ role: 'user', content }]
  await (await post('/v1/chat/completions', { model: 'a/long', messages, stream: true })).text()
  asked++
  const { answers, unfinished } = a.of('long')
  expect([unfinished, answers > 0]).toEqual([1, true])
  expect((await report()).get('a/long')).toMatchObject({ requests: 1, answers: answers + unfinished })
})

test('an unknown model, and an upstream that refuses, are failed requests without an answer', async () => {
  const before = (await report()).get('total')
  await (await post('/v1/chat/completions', { model: 'nothing', messages: [{ role: 'user', content: 'a' }] })).text()
  await ask({ kind: 'whole', script: { input: 0, cached: 0, output: 0, end: 'refused' } })
  const after = (await report()).get('total')
  expect(after).toMatchObject({
    requests: (before?.requests ?? 0) + 2,
    failed: (before?.failed ?? 0) + 2,
    answers: before?.answers,
  })
})

test('a report that is asked for wrongly says what is wrong', async () => {
  for (const [query, message] of [
    ['by=week', 'by: "week" is none of day, model, upstream, key.'],
    ['from=yesterday', 'from: "yesterday" is no day, such as 2026-11-29.'],
    ['to=2026-02-30', 'to: "2026-02-30" is no day, such as 2026-11-29.'],
    ['from=2026-02-02&to=2026-02-01', 'from: it is after "to".'],
  ]) {
    const reply = await fetch(`${gateway.url}/admin/usage?${query}`)
    const body: unknown = await reply.json()
    expect([reply.status, isFields(body) && isFields(body.error) && body.error.message]).toEqual([400, message ?? ''])
  }
})

test('a report is CSV where that is asked for', async () => {
  const byHeader = await fetch(`${gateway.url}/admin/usage?by=upstream`, { headers: { accept: 'text/csv' } })
  const byQuery = await fetch(`${gateway.url}/admin/usage?by=upstream&format=csv`)
  expect(byHeader.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  const text = await byHeader.text()
  expect(text).toStartWith('upstream,requests,failed,')
  expect(text).toContain('\r\na,')
  expect(await byQuery.text()).toBe(text)
})

test('a key of a user sees what it has used itself, and no more', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'usage-'))
  const secret = (name: string) => `sk-file-${name}-0123456789`
  const keys = ['alice', 'bob'].map((name) => ({ name, key: secret(name) }))
  writeFileSync(join(folder, 'keys.json'), JSON.stringify({ keys }), { mode: 0o600 })
  const closed = startGateway({
    UPSTREAM_A_URL: a.url,
    API_KEYS_FILE: join(folder, 'keys.json'),
    HOST: '127.0.0.1',
    LOG_LEVEL: 'silent',
  })
  const send = (name: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${secret(name)}`, 'content-type': 'application/json' }
    return fetch(closed.url + path, { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) })
  }
  try {
    const content = JSON.stringify({ input: 5, cached: 0, output: 2, end: 'usage' })
    for (const name of ['alice', 'bob', 'bob'])
      await (await send(name, '/v1/chat/completions', { model: 'a/m', messages: [{ role: 'user', content }] })).text()
    for (const [name, requests] of [
      ['alice', 1],
      ['bob', 2],
    ] as const) {
      const report = await (await send(name, '/v1/usage?by=key&key=alice')).json()
      expect(report).toMatchObject({ data: [{ key: name, requests, input_tokens: 5 * requests }] })
    }
    expect((await send('alice', '/admin/usage')).status).toBe(403)
  } finally {
    await closed.close()
    rmSync(folder, { recursive: true })
  }
})
