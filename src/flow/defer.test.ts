import { describe, expect, test } from 'bun:test'
import type { ChatEvent } from '../chat/event.ts'
import { newCancel } from '../wire/machine.double.ts'
import type { Cancel } from './cancel.ts'
import { defer } from './defer.ts'
import { readAll, readyFlow, type ScriptedFlow, scriptedFlow, silentFlow } from './flow.double.ts'
import type { Flow } from './flow.ts'

const text = (said: string): ChatEvent => ({ type: 'text', choice: 0, part: 0, text: said })
const call = () => newCancel()

describe('a deferred flow', () => {
  test('finds its flow at the first read, and then reads from it', async () => {
    let opened = 0
    const flow = defer(async () => {
      opened++
      return readyFlow([1], [2], [3])
    }, call())
    expect(opened).toBe(0)
    expect(await flow.next()).toEqual([1])
    expect([flow.next(), flow.next(), flow.next()]).toEqual([[2], [3], undefined])
    expect(opened).toBe(1)
  })

  test('fails if no flow is found', async () => {
    const flow = defer(() => Promise.reject(new Error('nobody')), call())
    expect((await readAll(flow)).thrown).toEqual(new Error('nobody'))
  })

  test('fails at each read until it is closed, if no flow was found or the tried flow failed', async () => {
    const flows = [
      defer(() => Promise.reject(new Error('refused')), call()),
      defer(({ begin }) => begin(scriptedFlow<ChatEvent>(new Error('refused'))), call()),
    ]
    for (const flow of flows) {
      for (let read = 0; read < 3; read++) expect((await readAll(flow)).thrown).toEqual(new Error('refused'))
      flow.close()
      expect(await flow.next()).toBeUndefined()
    }
  })

  test('may try several flows, up to the commit point of each', async () => {
    const refused = scriptedFlow<ChatEvent>([text('')], new Error('refused'))
    const flow = defer(async ({ begin }) => {
      await begin(refused).catch(() => undefined)
      return begin(readyFlow([text('a')]))
    }, call())
    expect((await readAll(flow)).batches).toEqual([[text('a')]])
  })

  test('opens nothing if it is closed before its first read', async () => {
    let opened = 0
    const flow = defer(async () => {
      opened++
      return readyFlow([1])
    }, call())
    flow.close()
    expect(await flow.next()).toBeUndefined()
    expect(opened).toBe(0)
  })

  test('aborts its wait when it is closed, and closes a flow that is found afterwards', async () => {
    const found = readyFlow([1])
    const waiting = Promise.withResolvers<void>()
    let signal: Cancel | undefined
    const flow = defer(async (opening) => {
      signal = opening.signal
      await waiting.promise
      return found
    }, call())
    const pending = flow.next()
    flow.close()
    expect(signal?.aborted).toBe(true)
    waiting.resolve()
    expect(await pending).toBeUndefined()
    expect([found.reads, found.closes]).toEqual([0, 1])
  })

  test('closes the flow that it tries when it is closed, and tries no other', async () => {
    const tried: ScriptedFlow<ChatEvent>[] = []
    const flow = defer(async ({ begin, signal }) => {
      for (;;) {
        const next = silentFlow([text('')])
        tried.push(next)
        try {
          return await begin(next)
        } catch (thrown) {
          if (signal.aborted) throw thrown
        }
      }
    }, call())
    const pending = flow.next()
    await Promise.resolve()
    flow.close()
    expect(await pending).toBeUndefined()
    expect(tried.map(({ closes }) => closes)).toEqual([1])
  })

  test('closes the found flow once, even if it is closed twice', async () => {
    const found = readyFlow([1], [2])
    const flow = defer(async () => found, call())
    await flow.next()
    flow.close()
    flow.close()
    expect(found.closes).toBe(1)
    expect(await flow.next()).toBeUndefined()
  })

  test('aborts its waits with its parent, for the same reason', async () => {
    const controller = newCancel()
    const flow = defer(
      ({ signal }) => new Promise<Flow<number>>((_, reject) => signal.onAbort(() => reject(signal.reason))),
      controller,
    )
    const read = readAll(flow)
    controller.abort(new Error('gone'))
    expect((await read).thrown).toEqual(new Error('gone'))
  })
})
