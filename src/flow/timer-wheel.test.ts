import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { ManualRuntime } from './runtime.double.ts'
import { type Alarms, TimerWheel } from './timer-wheel.ts'
import type { Timer } from './timers.ts'

const hourMs = 3_600_000

test('short and long timers fire at their own milliseconds', async () => {
  const runtime = new ManualRuntime()
  const startedAt = runtime.elapsed()
  const times = [0, 1, 2, 63, 64, 65, 250, 4_095, 4_096, 4_097, 60_000, 262_144, 900_000, 16_777_215, 100 * hourMs]
  const fired: number[] = []
  for (const ms of times.toReversed()) runtime.timers.set(ms, () => fired.push(runtime.elapsed() - startedAt))
  await runtime.advance(200 * hourMs)
  // no timer fires before `set` has returned
  expect(fired).toEqual([1, 1, ...times.slice(2)])
  expect(runtime.timers.size).toBe(0)
})

test('a time that is not positive or not a number is due at once, and an infinite time never', async () => {
  const runtime = new ManualRuntime()
  const fired: number[] = []
  for (const ms of [-5, Number.NaN, Number.POSITIVE_INFINITY]) runtime.timers.set(ms, () => fired.push(ms))
  await runtime.advance(1_000 * hourMs)
  expect(fired).toEqual([-5, Number.NaN])
})

test('a fraction of a millisecond is not dropped', () => {
  let now = 0.9
  let wake: (() => void) | undefined
  const alarms: Alarms = {
    elapsed: () => now,
    wakeIn: (_, run) => {
      wake = run
      return { cancel: () => undefined, keepProcess: () => undefined }
    },
  }
  const fired: number[] = []
  new TimerWheel(alarms).set(1, () => fired.push(now))
  // timers of the machine may be early by a fraction
  for (const at of [1.0, 1.89, 1.9, 1.999, 2.0]) {
    now = at
    wake?.()
  }
  expect(fired).toEqual([2.0])
})

test('a callback may set, move and stop other timers and its own', async () => {
  const runtime = new ManualRuntime()
  const { timers } = runtime
  const fired: string[] = []
  const stopped = timers.set(10, () => fired.push('stopped'))
  const moved = timers.set(10, () => fired.push('moved'))
  const again = timers.set(5, () => {
    fired.push('again')
    stopped.stop()
    moved.feed(20)
    timers.set(0, () => fired.push('set'))
    if (fired.length < 3) again.feed(5)
  })
  await runtime.advance(9)
  expect(fired).toEqual(['again', 'set'])
  await runtime.advance(21)
  expect(fired).toEqual(['again', 'set', 'again', 'set', 'moved'])
  expect(timers.size).toBe(0)
})

test('of two timers that are due together, the first can stop the other', async () => {
  const runtime = new ManualRuntime()
  const fired: string[] = []
  runtime.timers.set(10, () => {
    fired.push('first')
    second.stop()
  })
  const second = runtime.timers.set(10, () => fired.push('second'))
  await runtime.advance(100)
  expect(fired).toEqual(['first'])
})

test('after days of sleep all due timers fire at once, in order, and learn how late they are', async () => {
  const runtime = new ManualRuntime()
  const fired: (readonly [number, number])[] = []
  for (const ms of [60_000, 5, 700, 900_000]) runtime.timers.set(ms, (lateMs) => fired.push([ms, lateMs]))
  await runtime.sleepThrough(96 * hourMs)
  expect(fired).toEqual([5, 700, 60_000, 900_000].map((ms) => [ms, 96 * hourMs - ms]))
})

test('a timer that is set after idle hours wakes the machine once', async () => {
  const runtime = new ManualRuntime()
  runtime.timers.set(1, () => undefined)
  await runtime.advance(50 * hourMs)
  const before = runtime.alarmsSet
  let isFired = false
  runtime.timers.set(50, () => {
    isFired = true
  })
  await runtime.advance(50)
  expect(isFired).toBe(true)
  expect(runtime.alarmsSet - before).toBe(1)
})

test('moving a timer ten thousand times sets one timer of the machine, which fires only a few times', async () => {
  const runtime = new ManualRuntime()
  let fired = 0
  const timer = runtime.timers.set(15_000, () => fired++)
  for (let fed = 0; fed < 10_000; fed++) {
    await runtime.advance(1)
    timer.feed(fed % 2 === 0 ? 60_000 : 15_000)
  }
  expect(fired).toBe(0)
  expect(runtime.alarmsSet).toBeLessThan(20)
})

test('a thousand stopped timers leave nothing behind, and wake the machine at most once', async () => {
  const runtime = new ManualRuntime()
  for (let count = 0; count < 1_000; count++) runtime.timers.set(30_000, () => expect.unreachable()).stop()
  expect(runtime.timers.size).toBe(0)
  expect(runtime.alarmsSet).toBe(1)
  await runtime.advance(hourMs)
  expect(runtime.alarmsSet).toBe(1)
})

test('the process waits for a timer, unless it is in the background', async () => {
  const runtime = new ManualRuntime()
  const { timers } = runtime
  const background = timers.set(1_000, () => undefined, { isBackground: true })
  expect(runtime.isKept).toBe(false)
  const timer = timers.set(5_000, () => undefined)
  expect(runtime.isKept).toBe(true)
  timer.stop()
  expect(runtime.isKept).toBe(false)
  timer.feed(5_000)
  expect(runtime.isKept).toBe(true)
  background.stop()
  await runtime.advance(4_999)
  expect(runtime.isKept).toBe(true)
  await runtime.advance(1)
  expect(runtime.isKept).toBe(false)
})

test('an error of a timer does not stop the others, and reaches the machine', async () => {
  const runtime = new ManualRuntime()
  const fired: string[] = []
  const fail = () => {
    throw new Error('enough')
  }
  runtime.timers.set(5, fail)
  runtime.timers.set(5, () => fired.push('second'))
  expect(await runtime.advance(10).catch(String)).toBe('Error: enough')
  runtime.timers.set(5, fail)
  runtime.timers.set(5, fail)
  expect(await runtime.advance(10).catch(String)).toBe('AggregateError')
  expect(fired).toEqual(['second'])
})

const delay = fc.oneof(fc.nat(70), fc.nat(5_000), fc.nat(300_000), fc.nat(20_000_000))
const step = fc.oneof(
  fc.record({ do: fc.constant('set' as const), ms: delay }),
  fc.record({ do: fc.constant('feed' as const), which: fc.nat(19), ms: delay }),
  fc.record({ do: fc.constant('stop' as const), which: fc.nat(19) }),
  fc.record({ do: fc.constant('advance' as const), ms: delay }),
)

test('after any setting, moving and stopping, exactly the due timers fire, each at its own millisecond', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const runtime = new ManualRuntime()
      const due: (number | undefined)[] = []
      const timers: Timer[] = []
      for (const each of steps) {
        const now = runtime.elapsed()
        if (each.do === 'set') {
          const index = timers.length
          due.push(now + Math.max(1, each.ms))
          timers.push(
            runtime.timers.set(each.ms, () => {
              expect(runtime.elapsed()).toBe(due[index] ?? Number.NaN)
              due[index] = undefined
            }),
          )
        } else if (each.do === 'feed' && timers[each.which]) {
          due[each.which] = now + Math.max(1, each.ms)
          timers[each.which]?.feed(each.ms)
        } else if (each.do === 'stop' && timers[each.which]) {
          due[each.which] = undefined
          timers[each.which]?.stop()
        } else if (each.do === 'advance') await runtime.advance(each.ms)
        const set = due.filter((at) => at !== undefined)
        expect(set.every((at) => at > runtime.elapsed() || each.do !== 'advance')).toBe(true)
        expect(runtime.timers.size).toBe(set.length)
      }
    }),
    { numRuns: runs(300) },
  )
})
