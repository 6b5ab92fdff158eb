import { beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { isFields } from '../../src/dialects/fields.ts'
import { StatingUpstream } from '../usage-rig.ts'
import { build, emptyFolder, type Running, run, start } from './program.ts'

// The executable counts what was used, is killed, and counts on.

beforeAll(build)

const script = JSON.stringify({ input: 100, cached: 40, output: 10, end: 'usage' })
const body = JSON.stringify({ model: 'lab/m', messages: [{ role: 'user', content: script }] })

async function ask({ url }: Running, times: number): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  for (let at = 0; at < times; at++)
    await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })).text()
}

async function requestsAt({ url }: Running): Promise<number> {
  const report: unknown = await (await fetch(`${url}/admin/usage`)).json()
  return isFields(report) && isFields(report.total) ? Number(report.total.requests) : Number.NaN
}

test('a killed program loses at most what it has not written, and the next one counts on', async () => {
  const upstream = new StatingUpstream()
  await using folder = await emptyFolder()
  const prices = join(folder.path, 'prices.yaml')
  await Bun.write(prices, 'prices:\n  lab/*: {input: 1, cached_input: 0.1, output: 10}\n')
  const variables = {
    UPSTREAM_LAB_URL: upstream.url,
    STATE_URL: `sqlite:${join(folder.path, 'state.db')}`,
    PRICES_FILE: prices,
    // no server answers there, so `usage` reads the file
    PORT: '1',
  }
  const serving = { ...variables, PORT: '0' }
  const killed = await start(serving)
  await ask(killed, 5)
  // a report writes what it has counted
  expect(await requestsAt(killed)).toBe(5)
  await ask(killed, 5)
  await killed.stop('SIGKILL')
  const next = await start(serving)
  const kept = await requestsAt(next)
  expect(kept).toBeWithin(5, 11)
  await ask(next, 3)
  expect(await next.stop('SIGTERM')).toBe(0)
  const { code, stdout } = await run(['usage', '--by', 'model', '--json'], { variables })
  const answers = kept + 3
  const counts = { requests: answers, answers, input_tokens: 100 * answers, cached_tokens: 40 * answers }
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    by: 'model',
    prices: { package: '@pydantic/genai-prices', date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) },
    data: [{ model: 'lab/m', ...counts, unknown_costs: 0, cost_usd: expect.closeTo(answers * 0.000164, 9) }],
  })
  const named = await run(['usage', 'nobody'], { variables })
  expect([named.code, named.stdout]).toEqual([0, expect.stringContaining('total  0 ')])
  const checked = await run(['check'], { variables })
  expect(checked.stdout).toMatch(/^prices +1 of PRICES_FILE, then those of @pydantic\/genai-prices/m)
  await upstream.close()
})

test('usage asks the running server, and says why it cannot know', async () => {
  const upstream = new StatingUpstream()
  await using program = await start({ UPSTREAM_LAB_URL: upstream.url })
  await ask(program, 2)
  const variables = { UPSTREAM_LAB_URL: upstream.url, PORT: new URL(program.url).port }
  const { code, stdout } = await run(['usage', '--by', 'upstream', '--csv'], { variables })
  const [head, row] = stdout.split('\r\n')
  expect([code, head?.split(',')[0], row?.split(',').slice(0, 4)]).toEqual([0, 'upstream', ['lab', '2', '0', '2']])
  const wrong = await run(['usage', '--by', 'week'], { variables })
  expect([wrong.code, wrong.stderr]).toEqual([64, '--by: "week" is none of day, model, upstream, key.\n'])
  const alone = await run(['usage'], { variables: { ...variables, PORT: '1' } })
  expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining('keeps its state in memory only')])
  await upstream.close()
})
