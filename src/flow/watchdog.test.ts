import { expect, test } from 'bun:test'
import { ManualRuntime } from './runtime.double.ts'
import { Watchdog } from './watchdog.ts'

/** Makes a watchdog that records the moments of its barks, in milliseconds from now. */
function given() {
  const runtime = new ManualRuntime()
  const startedAt = runtime.elapsed()
  const barks: number[] = []
  const watchdog = new Watchdog(runtime.timers, () => barks.push(runtime.elapsed() - startedAt))
  return { runtime, watchdog, barks }
}

/** Milliseconds after the deadline in which the sockets are read. */
const readMs = 5

test('it barks once after the limit of silence, when the sockets have been read', async () => {
  const { runtime, watchdog, barks } = given()
  watchdog.feed(20)
  await runtime.advance(100)
  expect(barks).toEqual([20 + readMs])
})

test('data that is read between the deadline and the bark feeds it', async () => {
  const { runtime, watchdog, barks } = given()
  watchdog.feed(20)
  await runtime.advance(21)
  watchdog.feed(20)
  await runtime.advance(20)
  expect(barks).toEqual([])
  await runtime.advance(100)
  expect(barks).toEqual([41 + readMs])
})

test('each feeding moves the deadline: the limit counts from the last feeding', async () => {
  const { runtime, watchdog, barks } = given()
  for (let meals = 0; meals < 5; meals++) {
    watchdog.feed(40)
    await runtime.advance(20)
  }
  await runtime.advance(1_000)
  expect(barks).toEqual([80 + 40 + readMs])
})

test('a new limit replaces the old one, whether it is shorter or longer', async () => {
  const { runtime, watchdog, barks } = given()
  watchdog.feed(60_000)
  watchdog.feed(10)
  await runtime.advance(100)
  expect(barks).toEqual([10 + readMs])
  watchdog.feed(10)
  watchdog.feed(50)
  await runtime.advance(54)
  expect(barks).toHaveLength(1)
  await runtime.advance(1)
  expect(barks).toHaveLength(2)
})

test('a stopped watchdog does not bark, even while the sockets are read, until it is fed again', async () => {
  const { runtime, watchdog, barks } = given()
  watchdog.feed(5)
  await runtime.advance(6)
  watchdog.stop()
  watchdog.stop()
  await runtime.advance(1_000)
  expect(barks).toEqual([])
  expect(runtime.timers.size).toBe(0)
  watchdog.feed(5)
  await runtime.advance(10)
  expect(barks).toHaveLength(1)
})

test('it can be fed again while it barks', async () => {
  const runtime = new ManualRuntime()
  let barks = 0
  const watchdog = new Watchdog(runtime.timers, () => {
    if (++barks < 3) watchdog.feed(1)
  })
  watchdog.feed(1)
  await runtime.advance(100)
  expect(barks).toBe(3)
})

test('after a sleep of the process its peers get the limit again, but at most five seconds', async () => {
  for (const [limitMs, patienceMs] of [
    [60_000, 5_000],
    [800, 800],
  ] as const) {
    const { runtime, watchdog, barks } = given()
    watchdog.feed(limitMs)
    await runtime.sleepThrough(3_600_000)
    await runtime.advance(patienceMs - 1)
    expect(barks).toEqual([])
    await runtime.advance(1)
    expect(barks).toEqual([3_600_000 + patienceMs])
  }
})

test('data that is in the sockets after a sleep feeds it', async () => {
  const { runtime, watchdog, barks } = given()
  watchdog.feed(1_000)
  await runtime.sleepThrough(3_600_000)
  watchdog.feed(1_000)
  await runtime.advance(1_000)
  expect(barks).toEqual([])
})

test('feeding it sets no timer of the machine', () => {
  const { runtime, watchdog } = given()
  for (let fed = 0; fed < 10_000; fed++) watchdog.feed(60_000)
  expect(runtime.alarmsSet).toBe(1)
})
