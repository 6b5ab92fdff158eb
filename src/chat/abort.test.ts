import { expect, test } from 'bun:test'
import { getEventListeners } from 'node:events'
import { linkAbort, orAbort, sleep } from './abort.ts'

const reason = new Error('enough')
const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

test('the count of listeners that these tests rely on sees one', () => {
  const { signal } = new AbortController()
  signal.addEventListener('abort', () => undefined)
  expect(listeners(signal)).toBe(1)
})

test('a child is aborted with its parent, with the same reason', () => {
  const parent = new AbortController()
  const child = linkAbort(parent.signal)
  parent.abort(reason)
  expect(child.signal.reason).toBe(reason)
})

test('a child of an aborted parent is aborted from the start', () => {
  const child = linkAbort(AbortSignal.abort(reason))
  expect(child.signal.reason).toBe(reason)
})

test('a parent is not aborted with its child', () => {
  const parent = new AbortController()
  const child = linkAbort(parent.signal)
  child.abort(reason)
  expect(child.signal.reason).toBe(reason)
  expect(parent.signal.aborted).toBe(false)
})

test('a released child follows no more, and leaves no listener on its parent', () => {
  const parent = new AbortController()
  const child = linkAbort(parent.signal)
  expect(listeners(parent.signal)).toBe(1)
  child.release()
  child.release()
  expect(listeners(parent.signal)).toBe(0)
  parent.abort(reason)
  expect(child.signal.aborted).toBe(false)
})

test('orAbort gives the promise’s own outcome, and leaves no listener', async () => {
  const { signal } = new AbortController()
  expect(await orAbort(Promise.resolve(1), signal)).toBe(1)
  expect(await orAbort(Promise.reject(reason), signal).catch((thrown) => thrown)).toBe(reason)
  expect(listeners(signal)).toBe(0)
})

test('orAbort gives up with the signal’s reason, before or while it waits', async () => {
  const controller = new AbortController()
  const waiting = orAbort(new Promise(() => undefined), controller.signal).catch((thrown) => thrown)
  controller.abort(reason)
  expect(await waiting).toBe(reason)
  expect(listeners(controller.signal)).toBe(0)
  expect(await orAbort(Promise.resolve(1), controller.signal).catch((thrown) => thrown)).toBe(reason)
})

test('a promise that fails after it was given up on is nobody’s unhandled rejection', async () => {
  const unhandled: unknown[] = []
  const note = (thrown: unknown) => unhandled.push(thrown)
  process.on('unhandledRejection', note)
  try {
    const controller = new AbortController()
    const late = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
    const waiting = orAbort(late[0].promise, controller.signal).catch((thrown) => thrown)
    controller.abort(reason)
    await waiting
    await orAbort(late[1].promise, controller.signal).catch((thrown) => thrown)
    for (const { reject } of late) reject(new Error('late'))
    // unhandled rejections are told after the microtasks: two turns of the event loop later they have been
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', note)
  }
})

test('sleep wakes after its time and not before', async () => {
  const { signal } = new AbortController()
  const startedAt = performance.now()
  await sleep(20, signal)
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(19)
  expect(listeners(signal)).toBe(0)
})

test('sleep ends at once with the signal’s reason', async () => {
  const controller = new AbortController()
  const asleep = sleep(60_000, controller.signal).catch((thrown) => thrown)
  controller.abort(reason)
  expect(await asleep).toBe(reason)
  expect(listeners(controller.signal)).toBe(0)
  expect(await sleep(60_000, controller.signal).catch((thrown) => thrown)).toBe(reason)
})

test('a sleep that is over or aborted keeps no timer: the process can end', async () => {
  const script = `
    import { sleep } from '${import.meta.dir}/abort.ts'
    const controller = new AbortController()
    sleep(600_000, controller.signal).catch(() => undefined)
    controller.abort(new Error('enough'))
    sleep(600_000, controller.signal).catch(() => undefined)
  `
  const child = Bun.spawn([process.execPath, '-e', script], { timeout: 10_000 })
  expect(await child.exited).toBe(0)
})
