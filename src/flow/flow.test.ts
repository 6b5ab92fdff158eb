import { describe, expect, test } from 'bun:test'
import { newCancel } from '../wire/machine.double.ts'
import { type Cancel, CancelSource } from './cancel.ts'
import { readAll, scriptedFlow, silentFlow } from './flow.double.ts'
import { type Batch, events, flowOf } from './flow.ts'
import { ManualRuntime } from './runtime.double.ts'

const call = () => newCancel()

/** Waits until the signal is aborted, and fails with its reason. */
function silence(signal: Cancel): Promise<never> {
  return new Promise((_, reject) => signal.onAbort(() => reject(signal.reason)))
}

async function* batchesOf(...batches: readonly Batch<number>[]): AsyncGenerator<Batch<number>> {
  yield* batches
}

describe('the flow of a generator', () => {
  test('gives its batches, and then always undefined', async () => {
    const flow = flowOf(() => batchesOf([1, 2], [3]), call())
    expect((await readAll(flow)).batches).toEqual([[1, 2], [3]])
    expect(await flow.next()).toBeUndefined()
  })

  test('opens the generator at the first read, even if that takes time', async () => {
    let opened = 0
    const open = async () => {
      opened++
      return batchesOf([1])
    }
    const flow = flowOf(open, call())
    expect(opened).toBe(0)
    expect((await readAll(flow)).batches).toEqual([[1]])
    expect(opened).toBe(1)
  })

  test('fails when the generator fails, and fails again at each later read', async () => {
    const failure = new Error('broken')
    const flow = flowOf<number>(async function* () {
      yield [1]
      throw failure
    }, call())
    expect(await readAll(flow)).toEqual({ batches: [[1]], thrown: failure })
    expect(await readAll(flow)).toEqual({ batches: [], thrown: failure })
  })

  test('is not opened for a call that has ended', async () => {
    const controller = call()
    controller.abort(new Error('gone'))
    let opened = 0
    const flow = flowOf<number>(() => {
      opened++
      return batchesOf()
    }, controller)
    expect((await readAll(flow)).thrown).toEqual(new Error('gone'))
    expect(opened).toBe(0)
  })

  test('aborts its wait and frees the generator if it is closed while it waits for a batch', async () => {
    const seen: string[] = []
    const flow = flowOf<number>(async function* (signal) {
      try {
        yield [1]
        await silence(signal)
      } finally {
        seen.push(signal.aborted ? 'aborted' : 'ended')
      }
    }, call())
    await flow.next()
    const pending = flow.next()
    flow.close()
    flow.close()
    expect(await pending).toBeUndefined()
    expect(seen).toEqual(['aborted'])
    expect(await flow.next()).toBeUndefined()
  })

  test('frees the generator if it is closed between two reads', async () => {
    const freed = Promise.withResolvers<void>()
    const flow = flowOf<number>(async function* () {
      try {
        yield [1]
        yield [2]
      } finally {
        freed.resolve()
      }
    }, call())
    await flow.next()
    flow.close()
    await freed.promise
    expect(await flow.next()).toBeUndefined()
  })

  test('never starts a generator that was still being opened when the flow was closed', async () => {
    const opening = Promise.withResolvers<void>()
    let started = false
    const flow = flowOf<number>(async (signal) => {
      await opening.promise
      expect(signal.aborted).toBe(true)
      return (async function* () {
        started = true
        yield [1]
      })()
    }, call())
    const pending = flow.next()
    flow.close()
    opening.resolve()
    expect(await pending).toBeUndefined()
    expect(started).toBe(false)
  })

  test('follows its parent only until its end', async () => {
    const controller = call()
    const signals: Cancel[] = []
    const open = (wait: boolean) =>
      flowOf<number>(async function* (signal) {
        signals.push(signal)
        if (wait) await silence(signal)
        yield [1]
      }, controller)
    await readAll(open(false))
    const pending = readAll(open(true))
    // now the second flow is waiting
    await Promise.resolve()
    controller.abort(new Error('gone'))
    expect((await pending).thrown).toEqual(new Error('gone'))
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true])
  })
})

describe('the flow of one batch', () => {
  for (const [when, open] of Object.entries({ 'at once': () => [1, 2], later: async () => [1, 2] }))
    test(`gives a batch that comes ${when}, and no longer follows its parent`, async () => {
      const controller = new CancelSource(new ManualRuntime())
      const flow = flowOf<number>(open, controller)
      expect(await flow.next()).toEqual([1, 2])
      expect(controller.followers).toBe(0)
      expect(flow.next()).toBeUndefined()
    })

  test('drops a batch that comes after the flow was closed', async () => {
    const controller = new CancelSource(new ManualRuntime())
    const opening = Promise.withResolvers<Batch<number>>()
    const signals: Cancel[] = []
    const flow = flowOf<number>((signal) => {
      signals.push(signal)
      return opening.promise
    }, controller)
    const pending = flow.next()
    flow.close()
    opening.resolve([1])
    expect(await pending).toBeUndefined()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(controller.followers).toBe(0)
  })

  test('fails again at each later read', async () => {
    const failure = new Error('broken')
    for (const open of [
      () => Promise.reject(failure),
      (): never => {
        throw failure
      },
    ]) {
      const flow = flowOf<number>(open, call())
      expect(await readAll(flow)).toEqual({ batches: [], thrown: failure })
      expect(await readAll(flow)).toEqual({ batches: [], thrown: failure })
    }
  })
})

describe('the flow of a flow', () => {
  test('gives the batches of that flow without another promise', async () => {
    const inner = scriptedFlow([1], Promise.resolve([2]))
    const flow = flowOf<number>(async () => inner, call())
    expect(await flow.next()).toEqual([1])
    const pending = flow.next()
    expect(pending).toBeInstanceOf(Promise)
    expect(await pending).toEqual([2])
    expect(flow.next()).toBeUndefined()
  })

  test('leaves it to that flow to release the signal', async () => {
    const controller = newCancel()
    let release = () => {}
    const flow = flowOf<number>((signal) => {
      release = () => signal.release()
      return scriptedFlow([1])
    }, controller)
    await flow.next()
    expect(controller.followers).toBe(1)
    release()
    expect(controller.followers).toBe(0)
  })

  test('aborts its signal and closes that flow, even one that is opened too late', async () => {
    const signals: Cancel[] = []
    for (const reads of [1, 2]) {
      const inner = silentFlow([1])
      const opening = Promise.withResolvers<typeof inner>()
      const flow = flowOf<number>((signal) => {
        signals.push(signal)
        return opening.promise
      }, call())
      const pending = flow.next()
      if (reads === 2) {
        opening.resolve(inner)
        await pending
        expect(flow.next()).toBeInstanceOf(Promise)
      }
      flow.close()
      opening.resolve(inner)
      if (reads === 1) expect(await pending).toBeUndefined()
      expect(inner.closes).toBe(1)
    }
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })
})

describe('the events of a flow', () => {
  test('come one by one, from batches that are ready and from batches that come later', async () => {
    const flow = scriptedFlow([1, 2], Promise.resolve([3]), [4])
    expect(await Array.fromAsync(events(flow))).toEqual([1, 2, 3, 4])
    expect(flow.closes).toBe(1)
  })

  test('close the flow when the reader leaves in the middle of a batch', async () => {
    const flow = scriptedFlow([1, 2], [3])
    for await (const event of events(flow)) if (event === 1) break
    expect(flow.closes).toBe(1)
    expect(flow.reads).toBe(1)
  })

  test('end with the failure of the flow, after the events before it', async () => {
    const seen: number[] = []
    const read = async () => {
      for await (const event of events(scriptedFlow<number>([1], new Error('broken')))) seen.push(event)
    }
    expect(read()).rejects.toThrow('broken')
    await read().catch(() => undefined)
    expect(seen).toEqual([1, 1])
  })
})
