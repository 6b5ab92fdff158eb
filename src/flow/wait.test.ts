import { expect, test } from 'bun:test'
import { CancelSource } from './cancel.ts'
import { ManualRuntime } from './runtime.double.ts'
import { atMost, orAbort, sleep, within } from './wait.ts'

const reason = new Error('enough')
const thrownBy = (promise: Promise<unknown>) => promise.catch((thrown: unknown) => thrown)

function given() {
  const runtime = new ManualRuntime()
  return { runtime, signal: new CancelSource(runtime) }
}

test('orAbort gives the promise’s own outcome, and leaves no listener', async () => {
  const { signal } = given()
  expect(await orAbort(Promise.resolve(1), signal)).toBe(1)
  expect(await thrownBy(orAbort(Promise.reject(reason), signal))).toBe(reason)
  expect(signal.followers).toBe(0)
})

test('orAbort rejects with the signal’s reason, whether the abort comes before or during the wait', async () => {
  const { signal } = given()
  const waiting = thrownBy(orAbort(new Promise(() => undefined), signal))
  signal.abort(reason)
  expect(await waiting).toBe(reason)
  expect(signal.followers).toBe(0)
  expect(await thrownBy(orAbort(Promise.resolve(1), signal))).toBe(reason)
})

test('a promise that fails after the wait has ended does not cause an unhandled rejection', async () => {
  const unhandled: unknown[] = []
  const note = (thrown: unknown) => unhandled.push(thrown)
  process.on('unhandledRejection', note)
  try {
    const { runtime, signal } = given()
    const late = [1, 2, 3, 4].map(() => Promise.withResolvers<void>())
    const promises = late.map(({ promise }) => promise)
    const waits = [thrownBy(orAbort(promises[0] ?? Promise.resolve(), signal))]
    waits.push(thrownBy(within(promises[1] ?? Promise.resolve(), 10, signal)))
    await runtime.advance(10)
    signal.abort(reason)
    waits.push(thrownBy(orAbort(promises[2] ?? Promise.resolve(), signal)))
    waits.push(thrownBy(within(promises[3] ?? Promise.resolve(), 10, signal)))
    await Promise.all(waits)
    for (const { reject } of late) reject(new Error('late'))
    // the runtime reports unhandled rejections after the microtasks, so two turns of the event loop are enough
    await runtime.settle()
    await runtime.settle()
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', note)
  }
})

test('within gives a value that comes in time, otherwise undefined, and leaves no timer and no listener', async () => {
  const { runtime, signal } = given()
  expect(await within(Promise.resolve(1), 1_000, signal)).toBe(1)
  expect(await thrownBy(within(Promise.reject(reason), 1_000, signal))).toBe(reason)
  const waiting = within(new Promise(() => undefined), 1_000, signal)
  await runtime.advance(1_000)
  expect(await waiting).toBeUndefined()
  expect([runtime.timers.size, signal.followers]).toEqual([0, 0])
})

test('atMost gives a value or a failure that comes in time, otherwise undefined, and leaves no timer', async () => {
  const { runtime } = given()
  const { timers } = runtime
  expect(await atMost(Promise.resolve(1), 1_000, timers)).toBe(1)
  expect(await thrownBy(atMost(Promise.reject(reason), 1_000, timers))).toBe(reason)
  expect(timers.size).toBe(0)
  const waiting = atMost(new Promise(() => undefined), 1_000, timers)
  await runtime.advance(1_000)
  expect(await waiting).toBeUndefined()
  expect(timers.size).toBe(0)
})

test('within ends with the signal’s reason', async () => {
  const { runtime, signal } = given()
  const waiting = thrownBy(within(new Promise(() => undefined), 1_000, signal))
  signal.abort(reason)
  expect(await waiting).toBe(reason)
  expect([runtime.timers.size, signal.followers]).toEqual([0, 0])
})

test('sleep ends after its time and not before', async () => {
  const { runtime, signal } = given()
  let isAwake = false
  void sleep(20, signal).then(() => {
    isAwake = true
  })
  await runtime.advance(19)
  expect(isAwake).toBe(false)
  await runtime.advance(1)
  expect(isAwake).toBe(true)
  expect([runtime.timers.size, signal.followers]).toEqual([0, 0])
})

test('sleep ends at once with the signal’s reason', async () => {
  const { runtime, signal } = given()
  const asleep = thrownBy(sleep(60_000, signal))
  signal.abort(reason)
  expect(await asleep).toBe(reason)
  expect(await thrownBy(sleep(60_000, signal))).toBe(reason)
  expect([runtime.timers.size, signal.followers]).toEqual([0, 0])
})
