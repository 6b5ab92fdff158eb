import { expect, test } from 'bun:test'
import { Watchdog } from './watchdog.ts'

/** A watchdog with the moment of its bark, in milliseconds from now. */
function given() {
  const barked = Promise.withResolvers<number>()
  const startedAt = performance.now()
  let barks = 0
  const watchdog = new Watchdog(() => {
    barks++
    barked.resolve(performance.now() - startedAt)
  })
  return { watchdog, barked: barked.promise, barks: () => barks }
}

/** The event loop's own moments from now on: a timer set after another of the same or less time fires after it. */
const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

test('silence of the limit makes it bark, once, and not before', async () => {
  const { watchdog, barked, barks } = given()
  watchdog.feed(20)
  expect(await barked).toBeGreaterThanOrEqual(20)
  await after(25)
  expect(barks()).toBe(1)
})

test('feeding moves the moment: it barks the limit after the last meal', async () => {
  const { watchdog, barked, barks } = given()
  const startedAt = performance.now()
  let fedAt = 0
  for (let meals = 0; meals < 5 && barks() === 0; meals++) {
    fedAt = performance.now() - startedAt
    watchdog.feed(40)
    await after(20)
  }
  expect((await barked) - fedAt).toBeGreaterThanOrEqual(39)
  expect(barks()).toBe(1)
})

test('a shorter limit pulls the moment forward', async () => {
  const { watchdog, barked } = given()
  watchdog.feed(60_000)
  watchdog.feed(10)
  expect(await barked).toBeLessThan(10_000)
})

test('a longer limit holds although the timer of the shorter one fires', async () => {
  const { watchdog, barked } = given()
  watchdog.feed(10)
  watchdog.feed(50)
  expect(await barked).toBeGreaterThanOrEqual(50)
})

test('stopped, it never barks; fed again, it does', async () => {
  const { watchdog, barks, barked } = given()
  watchdog.feed(5)
  watchdog.stop()
  watchdog.stop()
  await after(15)
  expect(barks()).toBe(0)
  watchdog.feed(5)
  await barked
})

test('it can be fed again from within its bark', async () => {
  const second = Promise.withResolvers<void>()
  let barks = 0
  const watchdog = new Watchdog(() => {
    if (++barks === 2) second.resolve()
    else watchdog.feed(1)
  })
  watchdog.feed(1)
  await second.promise
  expect(barks).toBe(2)
})

test('ten thousand meals set a handful of timers', () => {
  const real = globalThis.setTimeout
  let set = 0
  const counting = new Proxy(real, {
    apply(target, self, given: Parameters<typeof setTimeout>) {
      set++
      return Reflect.apply(target, self, given)
    },
  })
  globalThis.setTimeout = counting
  try {
    const watchdog = new Watchdog(() => undefined)
    for (let fed = 0; fed < 10_000; fed++) watchdog.feed(60_000)
    watchdog.stop()
  } finally {
    globalThis.setTimeout = real
  }
  expect(set).toBe(1)
})

test('a stopped watchdog keeps no timer: the process can end', async () => {
  const script = `
    import { Watchdog } from '${import.meta.dir}/watchdog.ts'
    const watchdog = new Watchdog(() => undefined)
    watchdog.feed(600_000)
    watchdog.feed(300_000)
    watchdog.stop()
  `
  const child = Bun.spawn([process.execPath, '-e', script], { timeout: 10_000 })
  expect(await child.exited).toBe(0)
})
