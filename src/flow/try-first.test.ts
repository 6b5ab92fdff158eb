import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import type { ChatEvent } from '../chat/event.ts'
import { newCancel } from '../wire/machine.double.ts'
import type { CancelSource } from './cancel.ts'
import { defer } from './defer.ts'
import { readAll, readyFlow, type ScriptedFlow, scriptedFlow, silentFlow } from './flow.double.ts'
import type { Flow } from './flow.ts'
import { tryFirst } from './try-first.ts'
import { watch } from './watch.ts'

const text = (said: string): ChatEvent => ({ type: 'text', choice: 0, part: 0, text: said })
const role = text('')
const refused = new Error('refused')
const giveUp = (thrown: unknown) => Promise.reject(thrown)

/** Tries this flow, and then the other one. */
function either(first: Flow, other: Flow, parent: CancelSource = newCancel()): Flow {
  return tryFirst({ open: () => first, recover: async (_thrown, { begin }) => begin(other) }, parent)
}

describe('a flow that is tried first', () => {
  test('is opened at the first read, and needs no promise if its batches are ready', () => {
    let opened = 0
    let begun = 0
    const open = () => {
      opened++
      return readyFlow([text('a')], [text('b')])
    }
    const flow = tryFirst<ChatEvent>({ open, onBegun: () => begun++, recover: giveUp }, newCancel())
    expect(opened).toBe(0)
    expect([flow.next(), flow.next(), flow.next()]).toEqual([[text('a')], [text('b')], undefined])
    expect([opened, begun]).toEqual([1, 1])
  })

  for (const [when, first] of [
    ['at once', () => scriptedFlow<ChatEvent>(refused)],
    ['later', () => scriptedFlow<ChatEvent>(Promise.reject(refused))],
    ['after batches that show nothing', () => scriptedFlow([role], Promise.resolve([role]), refused)],
    [
      'when it is opened',
      () => {
        throw refused
      },
    ],
  ] satisfies [string, () => Flow][]) {
    test(`is replaced if it fails ${when}`, async () => {
      const seen: unknown[] = []
      const flow = tryFirst<ChatEvent>(
        {
          open: first,
          recover: async (thrown) => {
            seen.push(thrown)
            return readyFlow([text('b')])
          },
        },
        newCancel(),
      )
      expect(await readAll(flow)).toEqual({ batches: [[text('b')]], thrown: undefined })
      expect(seen).toEqual([refused])
    })
  }

  test('is not replaced after its commit point', async () => {
    const flow = either(scriptedFlow([role], [text('a')], refused), readyFlow([text('b')]))
    expect(await readAll(flow)).toEqual({ batches: [[role], [text('a')]], thrown: refused })
  })

  test('fails at each read if nothing replaces it, until it is closed', async () => {
    const flow = tryFirst({ open: () => scriptedFlow<ChatEvent>(refused), recover: giveUp }, newCancel())
    for (let read = 0; read < 3; read++) expect((await readAll(flow)).thrown).toEqual(refused)
    flow.close()
    expect(await flow.next()).toBeUndefined()
  })

  test('is closed with the flow in each phase, and nothing replaces it then', async () => {
    for (const batches of [[], [[role]], [[role], [text('a')]]]) {
      const first = silentFlow<ChatEvent>(...batches)
      const other = readyFlow([text('b')])
      const flow = either(first, other)
      const reading = readAll(flow)
      await Promise.resolve()
      flow.close()
      await reading
      expect(first.closes).toBeGreaterThan(0)
      expect(other.reads).toBe(0)
      expect(await flow.next()).toBeUndefined()
    }
  })

  test('opens nothing if the flow is closed before its first read', () => {
    const first = readyFlow([text('a')])
    const flow = either(first, first)
    flow.close()
    expect(flow.next()).toBeUndefined()
    expect(first.reads).toBe(0)
  })

  test('aborts the wait for another flow when it is closed, and with its parent', async () => {
    for (const end of ['close', 'abort'] as const) {
      const parent = newCancel()
      const flow = tryFirst<ChatEvent>(
        {
          open: () => scriptedFlow<ChatEvent>(refused),
          recover: (_, { signal }) =>
            new Promise((_resolve, reject) => signal.onAbort(() => reject(signal.reason ?? refused))),
        },
        parent,
      )
      const reading = readAll(flow)
      await Promise.resolve()
      if (end === 'close') flow.close()
      else parent.abort(new Error('gone'))
      expect((await reading).thrown).toEqual(end === 'close' ? undefined : new Error('gone'))
      expect(parent.followers).toBe(0)
    }
  })
})

describe('watchers of a flow that was found', () => {
  /** A found flow with watchers of its own, behind the layers that find it. */
  const wrappers: readonly ((inner: Flow) => Flow)[] = [
    (inner) => defer(async () => inner, newCancel()),
    (inner) => either(inner, readyFlow()),
    (inner) => either(scriptedFlow<ChatEvent>(refused), inner),
    (inner) =>
      either(
        defer(async () => inner, newCancel()),
        readyFlow(),
      ),
  ]

  test('see each batch and the one ending, inner ones first, wherever the flow fails or is closed', async () => {
    const cases = fc.record({
      wrap: fc.constantFrom(...wrappers),
      script: fc.array(fc.constantFrom('blank', 'text', 'later'), { minLength: 1, maxLength: 5 }),
      end: fc.constantFrom('end', 'failure', 'close'),
      adds: fc.constantFrom('inner', 'outer', 'none'),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ wrap, script, end, adds }) => {
        const batches = script.map((step) => [step === 'blank' ? role : text(step)])
        const steps = batches.map((batch, at) => (script[at] === 'later' ? Promise.resolve(batch) : batch))
        // the commit point is reached, so a failure is not replaced
        const source: ScriptedFlow<ChatEvent> = scriptedFlow(
          [text('a')],
          ...steps,
          ...(end === 'failure' ? [refused] : []),
        )
        const seen: Record<string, unknown[]> = { inner: [], outer: [] }
        const order: string[] = []
        const watcher = (name: 'inner' | 'outer') => ({
          onBatch: (batch: readonly ChatEvent[]) => {
            seen[name]?.push(batch)
            order.push(name)
          },
          addAtEnd: () => (adds === name ? text('last') : undefined),
          onEnd: ({ kind }: { kind: string }) => seen[name]?.push(kind),
        })
        const flow = watch(wrap(watch(source, watcher('inner'))), watcher('outer'))
        const read: unknown[] = []
        let thrown: unknown
        try {
          for (let batch = await flow.next(); batch; batch = await flow.next()) {
            read.push(batch)
            if (end === 'close' && read.length > script.length / 2) flow.close()
          }
        } catch (caught) {
          thrown = caught
        }
        const ending = { end: 'done', failure: 'failed', close: 'left' }[end]
        const last = adds === 'none' || end === 'close' ? [] : [[text('last')]]
        const whole = [[text('a')], ...batches].slice(0, end === 'close' ? read.length : undefined)
        expect(read).toEqual([...whole, ...last])
        expect(seen.inner).toEqual([...whole, ending])
        expect(seen.outer).toEqual([...whole, ...(adds === 'inner' ? last : []), ending])
        expect(order.slice(0, 2)).toEqual(['inner', 'outer'])
        expect(thrown === undefined).toBe(end !== 'failure')
        flow.close()
        expect([seen.inner, seen.outer].map((list) => list?.at(-1))).toEqual([ending, ending])
      }),
      { numRuns: runs(1_000) },
    )
  })

  test('add no promise to a batch that is ready', async () => {
    const source = readyFlow([text('a')], [text('b')], [text('c')])
    const flow = watch(either(watch(source, {}), readyFlow()), {})
    expect([flow.next(), flow.next(), flow.next(), flow.next()]).toEqual([
      [text('a')],
      [text('b')],
      [text('c')],
      undefined,
    ])
  })
})
