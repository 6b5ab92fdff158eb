import { describe, expect, test } from 'bun:test'
import type { Caller, CallerLimits } from '../chat/caller.ts'
import { ChatError } from '../chat/error.ts'
import { CancelSource } from '../flow/cancel.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { aLog, type LogLine } from '../gateway/chat.double.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { Store } from '../state/store.ts'
import { Limiter } from './limiter.ts'

const size = { requests: 1, tokens: () => 100, cost: () => 0 }

/** Three processes that share one store. */
function open(limits: CallerLimits, runtime = new ManualRuntime(), store: Store = new MemoryStore({ runtime })) {
  const lines: LogLine[] = []
  const caller: Caller = { id: 'key', name: 'key', role: 'client', limits }
  const processes = ['a', 'b', 'c'].map(
    (processId) => new Limiter({ store, shared: { store, processId }, log: aLog(lines), runtime }),
  )
  const admit = async (at: number, signal = new CancelSource(runtime)) => {
    try {
      return await processes[at % 3]?.meterOf(caller).admit(size, limits, signal)
    } catch (thrown) {
      return thrown instanceof ChatError ? thrown.code : String(thrown)
    }
  }
  const spend = (at: number, tokens: number) => processes[at % 3]?.spend(caller, () => ({ tokens, cost: 0 }))
  return { runtime, admit, spend, lines }
}

const admitted = (outcomes: readonly unknown[]) => outcomes.filter((outcome) => typeof outcome === 'function').length

describe('P19: of 1,000 requests at once at three processes', () => {
  test('no more begin than a minute may have, and almost all of them do', async () => {
    const { admit, runtime } = open({ rpm: 100 })
    const outcomes = await Promise.all(Array.from({ length: 1_000 }, (_, at) => admit(at)))
    expect(admitted(outcomes)).toBeLessThanOrEqual(100)
    expect(admitted(outcomes)).toBeGreaterThanOrEqual(85)
    expect(new Set(outcomes.filter((one) => typeof one === 'string'))).toEqual(new Set(['rate_limit_exceeded']))
    await runtime.advance(62_000)
    const later = await Promise.all(Array.from({ length: 1_000 }, (_, at) => admit(at)))
    // each process may have kept one share of the last minute
    expect(admitted(later)).toBeLessThanOrEqual(115)
    expect(admitted(later)).toBeGreaterThanOrEqual(85)
  })

  test('no more tokens are promised than a minute may have', async () => {
    const { admit } = open({ tpm: 10_000 })
    const outcomes = await Promise.all(Array.from({ length: 1_000 }, (_, at) => admit(at)))
    expect(admitted(outcomes)).toBeWithin(85, 101)
  })

  test('exactly as many run at the same time as may, and each end lets one in, wherever it waits', async () => {
    const { admit, runtime } = open({ concurrent: 10 })
    let running = 0
    const ends: (() => void)[] = []
    const asked = Array.from({ length: 1_000 }, async (_, at) => {
      const end = await admit(at)
      if (typeof end !== 'function') return end
      running++
      ends.push(end)
      return 'ran'
    })
    await runtime.advance(1_000)
    expect(running).toBe(10)
    for (let round = 1; round <= 5; round++) {
      for (const end of ends.splice(0)) end()
      await runtime.advance(1_000)
      expect(running).toBe(10 * (round + 1))
    }
    await runtime.advance(20_000)
    for (const end of ends.splice(0)) end()
    const outcomes = await Promise.all(asked)
    expect(new Set(outcomes)).toEqual(new Set(['ran', 'concurrency_limit']))
  })
})

test('one process may use all of a limit, and asks the store before it must', async () => {
  const { admit } = open({ rpm: 100 })
  const outcomes: unknown[] = []
  for (let count = 0; count < 120; count++) outcomes.push(await admit(0))
  expect(admitted(outcomes)).toBe(100)
})

test('a request that leaves the queue counts for nothing in the minute', async () => {
  const { admit, runtime } = open({ rpm: 40, concurrent: 1 })
  const end = await admit(0)
  for (let count = 0; count < 100; count++) {
    const leaving = new CancelSource(runtime)
    const asked = admit(0, leaving)
    await runtime.settle()
    leaving.abort(new ChatError('cancelled', { message: '', code: 'left' }))
    expect(await asked).toBe('left')
  }
  if (typeof end === 'function') end()
  expect(await admit(0)).toBeFunction()
})

test('the running requests of a process that died are forgotten after 15 seconds', async () => {
  const runtime = new ManualRuntime()
  const store = new MemoryStore({ runtime })
  await store.put('client-limits/key', JSON.stringify({ drawn: {}, running: { dead: [1, runtime.now() + 15_000] } }))
  const { admit } = open({ concurrent: 1 }, runtime, store)
  const first = admit(0)
  await runtime.advance(10_500)
  expect(await first).toBe('concurrency_limit')
  const second = admit(0)
  await runtime.advance(5_000)
  expect(await second).toBeFunction()
})

test('tokens beyond what was expected count for all, with the next request of the process', async () => {
  const { admit, spend } = open({ tpm: 10_000 })
  const end = await admit(0)
  spend(0, 9_950)
  if (typeof end === 'function') end()
  expect(await admit(0)).toBe('rate_limit_exceeded')
})

test('P26: without the store each process keeps to the limits alone, and one line of each says so', async () => {
  const runtime = new ManualRuntime()
  const memory = new MemoryStore({ runtime })
  const away = async () => {
    throw new ChatError('unavailable', { message: 'Redis does not answer.' })
  }
  const store = new Proxy(memory, {
    get: (target, name) => (name === 'get' || name === 'compareAndSet' ? away : Reflect.get(target, name)),
  })
  const { admit, lines } = open({ rpm: 10, concurrent: 20 }, runtime, store)
  const outcomes = await Promise.all(Array.from({ length: 100 }, (_, at) => admit(at)))
  expect(admitted(outcomes)).toBe(30)
  expect(lines.filter(({ level }) => level === 'error')).toHaveLength(3)
})
