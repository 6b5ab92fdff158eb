import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { ChatError } from '../chat/error.ts'
import { readAll, readyFlow, scriptedFlow } from './flow.double.ts'
import type { Batch, Flow, NextBatch } from './flow.ts'
import { type Watcher, watch } from './watch.ts'

/** Makes a watcher that writes its calls into a list, under its name. */
function noting(name: string, seen: string[], last?: number): Watcher<number> {
  return {
    onBatch: (batch) => seen.push(`${name} ${batch.join('+')}`),
    addAtEnd: () => last,
    onEnd: ({ kind }) => seen.push(`${name} ${kind}`),
  }
}

describe('a watched flow', () => {
  test('needs no promise if the batch is ready', () => {
    const flow = watch(watch(readyFlow([1], [2]), {}), {})
    expect([flow.next(), flow.next(), flow.next()]).toEqual([[1], [2], undefined])
  })

  test('shows each batch and the end to its watchers, inner ones first', async () => {
    const seen: string[] = []
    const flow = watch(watch(scriptedFlow([1, 2], Promise.resolve([3])), noting('inner', seen)), noting('outer', seen))
    await readAll(flow)
    expect(seen).toEqual(['inner 1+2', 'outer 1+2', 'inner 3', 'outer 3', 'inner done', 'outer done'])
  })

  test('may get an event before its end, which outer watchers see', async () => {
    const seen: string[] = []
    const flow = watch(watch(readyFlow([1]), noting('inner', seen, 9)), noting('outer', seen))
    expect((await readAll(flow)).batches).toEqual([[1], [9]])
    expect(seen).toEqual(['inner 1', 'outer 1', 'inner done', 'outer 9', 'outer done'])
  })

  test('gives an event that is added before a failure, and then fails', async () => {
    const seen: string[] = []
    const failure = new ChatError('timeout', { message: 'late' })
    const flow = watch(scriptedFlow<number>([1], failure), noting('a', seen, 9))
    expect(await readAll(flow)).toEqual({ batches: [[1], [9]], thrown: failure })
    expect(seen).toEqual(['a 1', 'a failed'])
  })

  test('fails without a read of its inner flow if `onStart` of a watcher throws', async () => {
    const seen: string[] = []
    const inner = scriptedFlow([1])
    const refusing: Watcher<number> = {
      onStart() {
        throw new ChatError('unavailable', { message: 'full' })
      },
    }
    const { batches, thrown } = await readAll(watch(watch(inner, noting('inner', seen)), refusing))
    expect(batches).toEqual([])
    expect(thrown).toMatchObject({ reason: 'unavailable' })
    expect([inner.reads, inner.closes]).toEqual([0, 1])
    expect(seen).toEqual(['inner failed'])
  })

  test('tells the remaining watchers of the end if it is closed after only some were told', () => {
    const seen: string[] = []
    const flow = watch(watch(readyFlow([1]), noting('inner', seen, 9)), noting('outer', seen))
    for (const batch of [flow.next(), flow.next()]) expect(batch).toBeDefined()
    flow.close()
    expect(seen.slice(-2)).toEqual(['outer 9', 'outer done'])
  })

  describe('that goes on with another flow', () => {
    const failure = new ChatError('timeout', { message: 'late' })
    const goingOn = (next: () => Flow<number> | undefined): Watcher<number> => ({ goOn: () => next() })

    test('gives its batches, and only the outer watchers see them', async () => {
      const seen: string[] = []
      const inner = watch(scriptedFlow([1], failure), noting('inner', seen, 9))
      const flow = watch(
        watch(
          inner,
          goingOn(() => readyFlow([2], [3])),
        ),
        noting('outer', seen),
      )
      expect(await readAll(flow)).toEqual({ batches: [[1], [9], [2], [3]], thrown: undefined })
      expect(seen).toEqual([
        ...['inner 1', 'outer 1', 'inner failed', 'outer 9'],
        ...['outer 2', 'outer 3', 'outer done'],
      ])
    })

    test('fails if that flow fails, or if there is none', async () => {
      const later = new ChatError('overloaded', { message: 'full' })
      const failing = watch(
        scriptedFlow([1], failure),
        goingOn(() => scriptedFlow([2], later)),
      )
      expect(await readAll(failing)).toEqual({ batches: [[1], [2]], thrown: later })
      const none = watch(
        scriptedFlow([1], failure),
        goingOn(() => undefined),
      )
      expect(await readAll(none)).toEqual({ batches: [[1]], thrown: failure })
    })

    test('closes that flow, and asks for none once it is closed', async () => {
      const second = readyFlow([2], [3])
      const flow = watch(
        scriptedFlow([1], failure),
        goingOn(() => second),
      )
      expect([flow.next(), flow.next()]).toEqual([[1], [2]])
      flow.close()
      expect([second.closes, flow.next()]).toEqual([1, undefined])
      let asked = 0
      const left = watch(
        watch(scriptedFlow([1], failure), noting('inner', [], 9)),
        goingOn(() => {
          asked++
          return undefined
        }),
      )
      // the failure is known, but an event comes before it
      expect([left.next(), left.next()]).toEqual([[1], [9]])
      left.close()
      expect(asked).toBe(0)
    })
  })

  test('closes its inner flow before it tells its watchers', () => {
    const seen: string[] = []
    const inner = { ...readyFlow<number>(), close: () => seen.push('inner closed') }
    watch(inner, noting('outer', seen)).close()
    expect(seen).toEqual(['inner closed', 'outer left'])
  })
})

/** The effect of one `next` of a generated flow. */
type Step = 'ready' | 'pending' | 'throws' | 'rejects' | 'end'

const steps = fc.array(fc.constantFrom<Step>('ready', 'ready', 'pending', 'pending', 'throws', 'rejects', 'end'), {
  maxLength: 8,
})

/**
 * Makes a flow of these steps. It counts reads after its end, and settles a pending batch when the test calls
 * `settle`.
 */
function generatedFlow(script: readonly Step[]) {
  const pending: (() => void)[] = []
  const seen = { readsAfterEnd: 0, closes: 0 }
  let isOver = false
  const settled = (step: Step): NextBatch<number> => {
    if (step === 'ready' || step === 'pending') return [1]
    isOver = true
    if (step !== 'end') throw new Error(step)
    return undefined
  }
  const rest = script.values()
  const flow: Flow<number> = {
    next() {
      if (isOver || seen.closes > 0) seen.readsAfterEnd++
      const step = rest.next().value ?? 'end'
      if (step !== 'pending' && step !== 'rejects') return settled(step)
      return new Promise<Batch<number> | undefined>((resolve, reject) => {
        pending.push(() => {
          try {
            resolve(settled(step))
          } catch (thrown) {
            reject(thrown)
          }
        })
      })
    },
    close() {
      seen.closes++
    },
  }
  return { flow, seen, settle: () => pending.shift()?.() }
}

test('in any interleaving each watcher learns the ending once, and no batch is read after it', async () => {
  const cases = fc.record({
    script: steps,
    watchers: fc.integer({ min: 1, max: 3 }),
    adds: fc.integer({ min: -1, max: 2 }),
    closeAt: fc.option(fc.integer({ min: 0, max: 8 })),
    closesWhilePending: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(cases, async ({ script, watchers, adds, closeAt, closesWhilePending }) => {
      const { flow: inner, seen, settle } = generatedFlow(script)
      const endings: string[][] = Array.from({ length: watchers }, () => [])
      let flow: Flow<number> = inner
      for (const [at, told] of endings.entries())
        flow = watch(flow, {
          onEnd: ({ kind }) => told.push(kind),
          ...(at === adds && { addAtEnd: () => 2 }),
        })
      let isOver = false
      for (let reads = 0; !isOver && reads <= script.length + 2; reads++) {
        const isClosing = closeAt !== null && reads >= closeAt
        if (isClosing && !closesWhilePending) flow.close()
        try {
          const batch = flow.next()
          if (isClosing) flow.close()
          settle()
          isOver = (await batch) === undefined
        } catch {
          isOver = true
        }
      }
      flow.close()
      flow.close()
      for (const told of endings) expect(told).toHaveLength(1)
      expect(new Set(endings.flat()).size).toBe(1)
      expect(seen.readsAfterEnd).toBe(0)
      expect(await flow.next()).toBeUndefined()
    }),
    { numRuns: runs(2_000) },
  )
})
