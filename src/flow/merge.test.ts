import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { readAll, readyFlow, scriptedFlow } from './flow.double.ts'
import type { Batch, Flow } from './flow.ts'
import { merge } from './merge.ts'

/** A flow whose batches the test releases one by one. */
function gated() {
  let waiting: PromiseWithResolvers<Batch<string> | undefined> | undefined
  const seen = { reads: 0, closes: 0 }
  const flow: Flow<string> = {
    next() {
      seen.reads++
      waiting = Promise.withResolvers()
      return waiting.promise
    },
    close() {
      seen.closes++
      waiting?.resolve(undefined)
    },
  }
  return { flow, seen, say: (batch?: Batch<string>) => waiting?.resolve(batch), fail: (e: Error) => waiting?.reject(e) }
}

describe('merged flows', () => {
  test('give ready batches at once, one of each flow', async () => {
    const flow = merge([readyFlow(['a'], ['b']), readyFlow(['1'])])
    expect(flow.next()).toEqual([
      { source: 0, batch: ['a'] },
      { source: 1, batch: ['1'] },
    ])
    expect(flow.next()).toEqual([{ source: 0, batch: ['b'] }])
    expect(await flow.next()).toBeUndefined()
  })

  test('give each batch as soon as it arrives: a slow flow does not delay the others', async () => {
    const [fast, slow] = [gated(), gated()]
    const flow = merge([slow.flow, fast.flow])
    for (const said of ['a', 'b']) {
      const next = flow.next()
      fast.say([said])
      expect(await next).toEqual([{ source: 1, batch: [said] }])
    }
    const last = flow.next()
    fast.say()
    slow.say(['1'])
    expect(await last).toEqual([{ source: 0, batch: ['1'] }])
  })

  test('are read at most one batch ahead', async () => {
    const [left, right] = [gated(), gated()]
    const flow = merge([left.flow, right.flow])
    const next = flow.next()
    left.say(['a'])
    await next
    right.say(['1'])
    await Promise.resolve()
    expect([left.seen.reads, right.seen.reads]).toEqual([1, 1])
  })

  test('fail with the first failure, after the batches before it, and close all flows', async () => {
    const other = gated()
    const flow = merge<string>([scriptedFlow<string>(['a'], new Error('cut')), other.flow])
    expect(await flow.next()).toEqual([{ source: 0, batch: ['a'] }])
    expect(await readAll(flow)).toEqual({ batches: [], thrown: new Error('cut') })
    expect(other.seen.closes).toBe(1)
  })

  test('are all closed by a failure that comes while they wait', async () => {
    const [left, right] = [gated(), gated()]
    const read = readAll(merge([left.flow, right.flow]))
    right.fail(new Error('cut'))
    expect((await read).thrown).toEqual(new Error('cut'))
    expect([left.seen.closes, right.seen.closes]).toEqual([1, 1])
  })

  test('are all closed with the merged flow, also while it waits', async () => {
    const [left, right] = [gated(), gated()]
    const flow = merge([left.flow, right.flow])
    const pending = flow.next()
    flow.close()
    flow.close()
    expect(await pending).toBeUndefined()
    expect([left.seen.closes, right.seen.closes]).toEqual([1, 1])
  })

  test('end at once if there are none', () => {
    expect(merge([]).next()).toBeUndefined()
  })

  test('lose no batch and keep the order of each flow, with any timing', async () => {
    const scripts = fc.array(fc.array(fc.boolean(), { maxLength: 6 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(scripts, async (flows) => {
        const merged = merge(
          flows.map((isReady) =>
            scriptedFlow(...isReady.map((ready, at) => (ready ? [at] : Promise.resolve().then(() => [at])))),
          ),
        )
        const { batches } = await readAll(merged)
        for (const [source, script] of flows.entries()) {
          const own = batches.flat().filter((one) => one.source === source)
          expect(own.flatMap(({ batch }) => batch)).toEqual([...script.keys()])
        }
      }),
      { numRuns: runs(500) },
    )
  })
})
