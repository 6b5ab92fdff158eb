/**
 * P3: a client that leaves frees its upstream, in all three windows. P4: a slow reader costs bounded memory. A thousand
 * streams can run at once. The program runs in its own process. With TRIBUTARY_TEST_FULL=1 the counts are those of the
 * promises. Otherwise they are smaller, and leaks are measured in the heap, which varies less than the memory of the process.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { emulateOpenai, frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { isFull, times } from '../sizes.ts'
import { each, measureBelow, until, untilStill } from '../waiting.ts'
import { helloWorld } from './cell.ts'
import { startChild } from './child.ts'
import { ask, askRaw } from './client.ts'
import { cutAt, healthy } from './scripts.ts'

const mebibyte = 2 ** 20
/** Milliseconds after which a wait is a hang. */
const patienceMs = 20_000
/** Milliseconds after which an upstream must be free. P3 promises one second, and a busy machine may need more. */
const freedMs = 5_000

/** Number of models. Each concurrent request has its own, except for requests that are only counted. */
const models = 250

/** Where a client can leave: before the upstream's head, before its first event, within its answer. */
const windows = ['head', 'event', 'middle'] as const
type Window = (typeof windows)[number]

const scripts: Readonly<Record<string, () => Script>> = {
  head: () => cutAt('A', 'stall'),
  event: () => cutAt('B', 'stall'),
  middle: () => cutAt('C', 'stall'),
  // the connection is closed and not reused, so that all can be counted
  whole: () => ({ ...healthy, framing: 'close' }),
  flood: () => ({ body: flood(200 * mebibyte) }),
}

let flooded = 0

function* flood(bytes: number): Generator<string> {
  const event = frame({ choices: [{ index: 0, delta: { content: 'x'.repeat(16_384) } }] })
  for (let sent = 0; sent < bytes; sent += event.length) {
    yield event
    flooded += event.length
  }
}

/** Starts the program in its own process, with an emulator that knows which requests have arrived. */
async function startBoth(options: Parameters<typeof startChild>[1] = {}) {
  /** The number of requests for a model, and for all models. */
  const arrived = new Map<string, number>()
  let arrivals = 0
  const emulator = await emulateOpenai({
    reply({ model }) {
      arrived.set(model, (arrived.get(model) ?? 0) + 1)
      arrivals++
      return scripts[model.split('-', 1)[0] ?? '']?.()
    },
  })
  const child = await startChild({ UPSTREAM_UP_URL: emulator.url, LOG_LEVEL: 'error' }, options)
  // the first request also fetches the list of models, whose connection stays open
  await askRaw(child.url, 'up/whole-first').closed
  emulator.hangUp()
  await until(() => emulator.openConnections() === 0, patienceMs, 'the connection of the list is closed')
  arrivals = 0
  let asked = 0
  return {
    child,
    emulator,
    arrivals: () => arrivals,
    /** Makes a streaming request that the upstream answers with the script of this name. */
    ask(script: string) {
      // there are only a few models, because the gateway remembers the parameters of each
      const model = `${script}-${asked++ % models}`
      const before = arrived.get(model) ?? 0
      return { client: askRaw(child.url, `up/${model}`), hasArrived: () => (arrived.get(model) ?? 0) > before }
    },
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]()
      await emulator.close()
    },
  }
}
type Both = Awaited<ReturnType<typeof startBoth>>

/** Runs a client that leaves in the window. */
async function leave(both: Both, window: Window): Promise<void> {
  const { client, hasArrived } = both.ask(window)
  const isThere = () => (window === 'middle' ? client.text().includes('Hello') : hasArrived())
  await until(isThere, patienceMs, `the window ${window}`)
  if (both.arrivals() % 2 === 0) client.socket.destroy()
  else client.socket.resetAndDestroy()
}

async function readWhole(both: Both): Promise<void> {
  const { client } = both.ask('whole')
  await client.closed
  expect(client.text()).toContain('data: [DONE]')
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at)
}

const both = await startBoth({ collects: true })
afterAll(() => both[Symbol.asyncDispose]())

describe('P3: a client that leaves frees its upstream', () => {
  const streams = times(500, 10_000)
  test(`${streams} streams, a fifth of them cut in the three windows`, async () => {
    const { child, emulator } = both
    const run = async () => {
      for (const batch of range(streams / 50)) {
        const batched = range(50).map((at) =>
          at % 5 === 0 ? leave(both, windows[(batch + at / 5) % 3] ?? 'head') : readWhole(both),
        )
        await Promise.all(batched)
        await until(() => emulator.openConnections() === 0, freedMs, 'every upstream connection is closed')
      }
    }
    // the first run warms up the heap
    await run()
    // a heap may grow once, but a leak grows again and again
    await measureBelow(10 * mebibyte, 'bytes that it grew by', async () => {
      const before = await child.settledRss()
      await run()
      return (await child.settledRss()) - before
    })
  })

  const wholeOnes = times(50, 1_000)
  const cutOnes = times(150, 10_000)
  // P3 allows 1 KiB of the process's memory
  const allowed = times(256, 1024)
  test(`${wholeOnes} streams at once and ${cutOnes} cut ones, five times: less than ${allowed} bytes a request are left`, async () => {
    const round = async () => {
      await each(range(wholeOnes), wholeOnes, () => readWhole(both))
      await each(range(cutOnes), 100, (at) => leave(both, windows[at % 3] ?? 'head'))
      await until(() => both.emulator.openConnections() === 0, freedMs, 'every upstream connection is closed')
      return isFull ? both.child.settledRss() : both.child.settledHeap()
    }
    await round()
    await measureBelow(allowed, 'bytes a request', async () => {
      const sizes: number[] = []
      for (const _ of range(5)) sizes.push(await round())
      return usualStep(sizes) / (wholeOnes + cutOnes)
    })
  })
})

/** Returns the median growth from one value to the next, so that a single incomplete collection does not count. */
function usualStep(values: readonly number[]): number {
  const steps = values.slice(1).map((value, at) => value - (values[at] ?? 0))
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0
}

describe('P4: a slow reader', () => {
  const stuckClients = times(10, 100)
  /** P4 allows 16 MiB for one client and 2 MiB each for a hundred. We measured 4.1 MiB each for a hundred, of which Bun's fetch holds 1.6. */
  const maxPerClient = (isFull ? 5 : 16) * mebibyte
  test(`${stuckClients} clients that read nothing of 200 MB: the upstream pauses, memory is bounded, others are served`, async () => {
    const { child } = both
    for (const _ of range(50)) await readWhole(both)
    const usual = await latencies(both)
    const before = await child.settledRss()
    flooded = 0
    const stuck = range(stuckClients).map(() => both.ask('flood').client)
    for (const { socket } of stuck) socket.once('data', () => socket.pause())
    const paused = await untilStill(() => flooded, 300, patienceMs)
    expect(paused / stuckClients).toBeLessThan(32 * mebibyte)
    expect((await child.settledRss()) - before).toBeLessThan(maxPerClient * stuckClients)
    await measureBelow(50, 'milliseconds that others wait longer', async () => (await latencies(both)) - usual)
    for (const { socket } of stuck) socket.resetAndDestroy()
    await until(() => both.emulator.openConnections() === 0, freedMs, 'every upstream connection is closed')
  })
})

/** Returns the median time of a hundred whole answers in milliseconds; with TRIBUTARY_TEST_FULL=1 the 99th percentile. */
async function latencies(both: Both): Promise<number> {
  const took: number[] = []
  for (const _ of range(100)) {
    const startedAt = performance.now()
    await readWhole(both)
    took.push(performance.now() - startedAt)
  }
  return took.sort((a, b) => a - b)[isFull ? 98 : 49] ?? 0
}

test('a thousand silent streams reach the upstream at once: nothing is limited to 256', async () => {
  const before = both.arrivals()
  const clients = range(1_000).map(() => both.ask('head').client)
  await until(() => both.arrivals() === before + 1_000, patienceMs, 'all have arrived')
  await until(() => both.emulator.openConnections() === 1_000, patienceMs, 'each has one connection')
  expect((await ask(both.child.url, { model: 'up/whole-last' })).text).toBe(helloWorld)
  for (const { socket } of clients) socket.destroy()
  await until(() => both.emulator.openConnections() === 0, freedMs, 'every upstream connection is closed')
})
