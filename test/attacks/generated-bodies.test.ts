import { expect, test } from 'bun:test'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { times } from '../sizes.ts'
import { each, measureBelow } from '../waiting.ts'
import { BadBodies, type BadBody } from './bad-bodies.ts'
import { errorIn, hello, key, post, startApp, type TestApp } from './rig.ts'

// reliability, P14. A failure names its seed, which repeats it.

const count = times(2_000, 100_000)
const perSeed = times(100, 1_000)
/** Milliseconds. P14 allows 50 on a machine that does nothing else; this process is also the client. */
const slowest = times(1_000, 250)
const atOnce = 32
const refusals = [400, 404, 413, 415]

/** Texts that no answer may have: places in our source, and code that a browser would run. */
const leak = /<script|<html|\bat \S+ \(|node_modules|\.ts:\d+|\/\$bunfs|ZodError|polluted/

interface Run {
  readonly statuses: Map<number, number>
  /** Milliseconds of each request. */
  readonly took: number[]
}

/** Sends the body of this seed, and counts the status of the answer. */
async function sendAll(
  app: TestApp,
  bodies: Iterable<readonly [string, BadBody]>,
  allowed: readonly number[],
): Promise<Run> {
  const run: Run = { statuses: new Map(), took: [] }
  await each(bodies, atOnce, async ([name, { body, headers }]) => {
    const startedAt = performance.now()
    const response = await post(app.url, body, headers)
    const text = await response.text()
    run.took.push(performance.now() - startedAt)
    run.statuses.set(response.status, (run.statuses.get(response.status) ?? 0) + 1)
    const what = `${name}: ${response.status} ${text.slice(0, 500)} for ${Buffer.from(body).toString().slice(0, 3_000)}`
    if (!allowed.includes(response.status)) throw new Error(what)
    if (response.status < 400) return
    errorIn(text)
    if (response.headers.get('content-type') !== 'application/json' || leak.test(text)) throw new Error(what)
  })
  return run
}

function* bodiesFor(model: string, total: number): Generator<readonly [string, BadBody]> {
  for (let seed = 1; seed <= total / perSeed; seed++) {
    const bodies = new BadBodies(seed, model)
    for (let at = 0; at < perSeed; at++) yield [`seed ${seed}, body ${at}`, bodies.next()]
  }
}

function expectSound(app: TestApp): void {
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
  expect(Reflect.get([], 'polluted')).toBeUndefined()
  expect(app.lines.filter((line) => JSON.parse(line).level === 'error')).toEqual([])
}

test(`P14: ${count} bad bodies are refused like OpenAI refuses them, and leave no trace`, async () => {
  await using app = startApp({ API_MASTER_KEY: key, LOG_LEVEL: 'error' })
  await sendAll(app, bodiesFor('no-such-model', count / 5), refusals)
  Bun.gc(true)
  await measureBelow(slowest, 'milliseconds of the 99th percentile', async () => {
    const before = process.memoryUsage.rss()
    const { statuses, took } = await sendAll(app, bodiesFor('no-such-model', count), refusals)
    Bun.gc(true)
    // this process is also the client, holds the log, and has run other test files
    expect((process.memoryUsage.rss() - before) / 1e6).toBeLessThan(150)
    expect([...statuses.keys()].sort()).toEqual([400, 404, 415])
    // some bodies must be invalid JSON and some must pass the schema, so that all checks are reached
    for (const status of [400, 404]) expect((statuses.get(status) ?? 0) / count).toBeGreaterThan(0.1)
    return took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? Number.NaN
  })
  expect((await post(app.url, hello)).status).toBe(200)
  expectSound(app)
})

test('P14: a broken body is either refused, or answered by the upstream', async () => {
  await using emulator = await startEmulator()
  const variables = {
    API_MASTER_KEY: key,
    LOG_LEVEL: 'error',
    OPENAI_BASE_URL: emulator.url,
    OPENAI_MODELS: 'gpt-test',
  }
  await using app = startApp(variables)
  const { statuses } = await sendAll(app, bodiesFor('gpt-test', count / 10), [200, ...refusals])
  expect((statuses.get(200) ?? 0) / (count / 10)).toBeGreaterThan(0.1)
  expectSound(app)
})

async function startEmulator(): Promise<AsyncDisposable & { readonly url: string }> {
  const emulator = await emulateOpenai()
  return { url: emulator.url, [Symbol.asyncDispose]: () => emulator.close() }
}
