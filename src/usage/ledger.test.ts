import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import type { Caller } from '../chat/caller.ts'
import { ChatError } from '../chat/error.ts'
import type { Usage } from '../chat/event.ts'
import { type Call, newReceipt } from '../flow/call.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { aCall } from '../gateway/chat.double.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { Store } from '../state/store.ts'
import { encodeReport, rowsOf, toCsv } from './encode-report.ts'
import { Ledger } from './ledger.ts'
import { OwnPrices } from './own-prices.ts'
import { Prices } from './prices.ts'
import { type Dimension, reportUsage } from './report.ts'

const alice: Caller = { id: 'a1', name: 'alice', role: 'client' }
const bob: Caller = { id: 'b1', name: 'bob', role: 'client' }
const period = { from: '2025-01-01', to: '2027-01-01' }
const shipped = { package: 'package', version: '1', date: '2026-09-23' }

function setUp(runtime = new ManualRuntime(), store: Store = new MemoryStore({ runtime })) {
  const warnings: unknown[] = []
  const log = { ...aCall().log, warn: (fields: object) => void warnings.push(fields) }
  const open = () => new Ledger({ store, prices, log, runtime })
  const report = async (by: Dimension, more = {}) => {
    const encoded = encodeReport(await reportUsage(store, { ...period, by, ...more }), shipped)
    return { data: encoded.data, total: encoded.total }
  }
  return { runtime, store, warnings, open, report, ledger: open() }
}

function callOf(caller: Caller, answers: Call['receipt']['answers'] = []): Call {
  return { ...aCall(), caller, receipt: { ...newReceipt(), answers } }
}

const usage: Usage = {
  inputTokens: 100,
  cachedInputTokens: 40,
  outputTokens: 10,
  reasoningTokens: 4,
  source: 'upstream',
}
// a dollar for a million tokens is a thousand nanos for one
const own = new OwnPrices({ 'paid/*': { input: 1, cached: 0.1, output: 10 } })
const prices = new Prices({ upstreams: [], own })
const answerBy = (upstream: string, used = usage) => ({
  ...{ upstream, model: 'm', usage: used },
  cost: prices.costOf({ upstream, model: 'm', usage: used, at: 0 }),
})
const paid = answerBy('paid')
const done = { kind: 'done' } as const
const failed = { kind: 'failed', error: new ChatError('timeout', { message: 'late' }) } as const
const left = { kind: 'failed', error: new ChatError('cancelled', { message: 'left' }) } as const

test('an answer is counted by day, model, upstream and key, with its cost and what the cache saved', async () => {
  const { ledger, report } = setUp()
  ledger.addAnswer(alice, paid)
  ledger.addCall(callOf(alice, [paid]), done)
  ledger.addAnswer(bob, answerBy('free'))
  ledger.addCall(callOf(bob, [answerBy('free')]), done)
  await ledger.close()
  const tokens = {
    ...{ requests: 1, failed: 0, answers: 1, input_tokens: 100, cached_tokens: 40, missed_tokens: 60 },
    ...{ cache_write_tokens: 0, output_tokens: 10, reasoning_tokens: 4, estimated_answers: 0 },
  }
  const known = { ...tokens, cost_usd: 0.000164, unknown_costs: 0, saved_usd: 0.000036 }
  const unknown = { ...tokens, cost_usd: null, unknown_costs: 1, saved_usd: 0 }
  expect((await report('key')).data).toEqual([
    { key: 'alice', ...known },
    { key: 'bob', ...unknown },
  ])
  expect((await report('upstream')).data).toEqual([
    { upstream: 'free', ...unknown },
    { upstream: 'paid', ...known },
  ])
  expect((await report('model')).data.map(({ model }) => model)).toEqual(['free/m', 'paid/m'])
  const { data, total } = await report('day')
  expect(data).toEqual([{ day: '2026-01-01', ...total }])
  expect(total).toMatchObject({ requests: 2, answers: 2, input_tokens: 200, cost_usd: 0.000164, unknown_costs: 1 })
  expect((await report('model', { key: 'bob' })).data).toHaveLength(1)
  expect((await report('model', { key: alice.id })).data).toHaveLength(1)
  expect((await report('model', { caller: bob.name })).data).toEqual([])
})

test('a failed request counts as failed, one that its client left does not, and each stays at its upstream', async () => {
  const { ledger, report } = setUp()
  ledger.addCall(callOf(alice), failed)
  const tried = callOf(alice)
  tried.receipt.upstream = 'paid'
  ledger.addCall(tried, failed)
  ledger.addCall(callOf(alice, [paid]), left)
  await ledger.flush()
  expect((await report('upstream')).data).toMatchObject([
    { upstream: 'none', requests: 1, failed: 1, cost_usd: 0 },
    { upstream: 'paid', requests: 2, failed: 1 },
  ])
})

test('a day ends at midnight in UTC', async () => {
  const { ledger, runtime, report } = setUp()
  await runtime.sleepThrough(Date.UTC(2026, 0, 2) - 1 - runtime.now())
  ledger.addAnswer(alice, paid)
  await runtime.advance(2_500)
  ledger.addAnswer(alice, paid)
  ledger.addAnswer(alice, paid)
  await runtime.advance(2_500)
  expect((await report('day')).data).toMatchObject([
    { day: '2026-01-01', answers: 1 },
    { day: '2026-01-02', answers: 2 },
  ])
  expect((await report('day', { from: '2026-01-02', to: '2026-01-02' })).data).toHaveLength(1)
})

test('a day is kept for 400 days', async () => {
  const { ledger, runtime, report } = setUp()
  ledger.addAnswer(alice, paid)
  await ledger.flush()
  await runtime.sleepThrough(399 * 86_400_000)
  expect((await report('day')).data).toHaveLength(1)
  await runtime.sleepThrough(2 * 86_400_000)
  expect((await report('day')).data).toHaveLength(0)
})

test('counts reach the store within two seconds, and no timer runs when there are none', async () => {
  const { ledger, runtime, report } = setUp()
  expect(runtime.timers.size).toBe(0)
  ledger.addAnswer(alice, paid)
  expect((await report('day')).data).toHaveLength(0)
  await runtime.advance(2_000)
  expect((await report('day')).data).toHaveLength(1)
  expect(runtime.timers.size).toBe(0)
})

describe('what is kept is bounded:', () => {
  test('models beyond the two hundredth of a day and key are counted together', async () => {
    const { ledger, report } = setUp()
    for (let at = 0; at < 300; at++) ledger.addAnswer(alice, { ...paid, model: `m${at}` })
    await ledger.flush()
    for (let at = 300; at < 600; at++) ledger.addAnswer(alice, { ...paid, model: `m${at}` })
    await ledger.close()
    const { data, total } = await report('model')
    expect(data).toHaveLength(201)
    expect(data.find(({ model }) => model === 'other/other')).toMatchObject({ answers: 400, input_tokens: 40_000 })
    expect(total).toMatchObject({ answers: 600 })
  })

  test('keys beyond the five thousandth that waits are counted together', async () => {
    const { ledger, report } = setUp()
    for (let at = 0; at < 5_100; at++) ledger.addAnswer({ ...alice, id: `k${at}`, name: `k${at}` }, paid)
    await ledger.close()
    const { data, total } = await report('key')
    expect(data).toHaveLength(5_001)
    expect(data.find(({ key }) => key === 'other')).toMatchObject({ answers: 100 })
    expect(total).toMatchObject({ answers: 5_100 })
  })

  test('a long name of a model is cut', async () => {
    const { ledger, report } = setUp()
    ledger.addAnswer(alice, { ...paid, model: 'x'.repeat(100_000) })
    await ledger.close()
    expect(String((await report('model')).data[0]?.model).length).toBeLessThan(300)
  })
})

/** A store whose writes fail at these steps, either before they are made or after. */
function faulty(store: Store, faults: (step: number) => 'before' | 'after' | undefined): Store {
  let step = 0
  const lost = new ChatError('unavailable', { message: 'the connection is lost' })
  return new Proxy(store, {
    get: (target, name: keyof Store) => {
      if (name !== 'compareAndSet') return target[name].bind(target)
      return async (...asked: Parameters<Store['compareAndSet']>) => {
        const fault = faults(step++)
        if (fault === 'before') throw lost
        const version = await target.compareAndSet(...asked)
        if (fault === 'after') throw lost
        return version
      }
    },
  })
}

test('while the store fails, counts wait in memory, and a write whose success was not seen is made once', async () => {
  const fault = fc.constantFrom('before', 'after', undefined, undefined)
  await fc.assert(
    fc.asyncProperty(fc.array(fault, { maxLength: 12 }), fc.nat(8), async (faults, answers) => {
      const runtime = new ManualRuntime()
      const inner = new MemoryStore({ runtime })
      const { ledger, warnings } = setUp(
        runtime,
        faulty(inner, (step) => faults[step]),
      )
      for (let at = 0; at < answers; at++) {
        ledger.addAnswer(alice, paid)
        if (at % 2 === 0) await ledger.flush()
      }
      await runtime.advance(faults.length * 5_000 + 4_000)
      const { total } = await setUp(runtime, inner).report('day')
      expect(total.answers).toBe(answers)
      if (answers > 0 && faults[0] !== undefined) expect(warnings).not.toEqual([])
    }),
    { numRuns: runs(500) },
  )
})

test('several processes add up, whatever they write at once', async () => {
  const entry = fc.record({ process: fc.nat(3), caller: fc.constantFrom(alice, bob), flush: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 60 }), async (entries) => {
      const { open, report } = setUp()
      const ledgers = [open(), open(), open(), open()]
      const flushes: Promise<void>[] = []
      for (const { process, caller, flush } of entries) {
        ledgers[process]?.addAnswer(caller, paid)
        if (flush) flushes.push(...ledgers.map((ledger) => ledger.flush()))
      }
      await Promise.all([...flushes, ...ledgers.map((ledger) => ledger.close())])
      expect((await report('day')).total.answers).toBe(entries.length)
      const ofAlice = entries.filter(({ caller }) => caller === alice).length
      expect((await report('day', { key: 'alice' })).total.answers).toBe(ofAlice)
    }),
    { numRuns: runs(200) },
  )
})

test('a report is also a table for spreadsheets, which runs no formula', async () => {
  const { ledger, report } = setUp()
  ledger.addAnswer(alice, answerBy('=HYPERLINK("http://a","b")', { ...usage, outputTokens: 1 }))
  ledger.addAnswer(alice, answerBy('b,c'))
  ledger.addAnswer(alice, paid)
  await ledger.close()
  const { data } = await report('upstream')
  const [head, ...rows] = toCsv(rowsOf({ by: 'upstream', data }))
    .trimEnd()
    .split('\r\n')
  expect(head).toBe(
    'upstream,requests,failed,answers,input_tokens,cached_tokens,missed_tokens,cache_write_tokens,output_tokens,reasoning_tokens,estimated_answers,cost_usd,unknown_costs,saved_usd',
  )
  expect(rows).toEqual([
    `"'=HYPERLINK(""http://a"",""b"")",0,0,1,100,40,60,0,1,4,0,,1,0`,
    '"b,c",0,0,1,100,40,60,0,10,4,0,,1,0',
    'paid,0,0,1,100,40,60,0,10,4,0,0.000164,0,0.000036',
  ])
})
