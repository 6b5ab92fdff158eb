import { expect, test } from 'bun:test'
import { machineWith } from '../wire/machine.double.ts'
import { FallbackStore } from './fallback-store.ts'
import { MemoryStore } from './memory/memory-store.ts'
import type { Store } from './store.ts'
import { unavailable } from './unavailable.ts'

let time = 1_000
const now = () => time

/** A store whose disk can be full: then everything that writes fails, and what is there can be read. */
function openDisk() {
  const disk = new MemoryStore({ runtime: { now } })
  let isFull = false
  const writing =
    <Args extends unknown[], Result>(write: (...args: Args) => Promise<Result>) =>
    async (...args: Args) => {
      if (isFull) throw unavailable('The disk is full.')
      return write(...args)
    }
  const store: Store = {
    get: (key) => disk.get(key),
    keys: (prefix, limit) => disk.keys(prefix, limit),
    problem: () => (isFull ? 'The disk is full.' : undefined),
    close: async () => undefined,
    put: writing((key, value, options) => disk.put(key, value, options)),
    compareAndSet: writing((key, expected, value, options) => disk.compareAndSet(key, expected, value, options)),
    take: writing((key) => disk.take(key)),
    delete: writing((key) => disk.delete(key)),
    lease: writing((name, ttlMs) => disk.lease(name, ttlMs)),
    // a counter that is only looked at is not written
    increment: (key, by, options) =>
      by === 0 ? disk.increment(key, 0) : writing(() => disk.increment(key, by, options))(),
    notify: (channel, text) => disk.notify(channel, text),
    listen: (channel, listener) => disk.listen(channel, listener),
  }
  return { store, disk, fill: () => (isFull = true), clear: () => (isFull = false) }
}

test('what a full disk refuses is kept in memory, and written once there is room', async () => {
  const { store, disk, fill, clear } = openDisk()
  const spare = new FallbackStore(store, machineWith({ now }))
  await spare.put('a', 'before')
  fill()
  await spare.put('a', 'in memory', { ttlMs: 100 })
  await spare.put('b', 'new')
  expect(spare.problem()).toBe('The disk is full.')
  expect([(await spare.get('a'))?.value, await spare.keys('', 9)]).toEqual(['in memory', ['a', 'b']])
  expect((await disk.get('a'))?.value).toBe('before')
  clear()
  await spare.close()
  expect([(await disk.get('a'))?.value, (await disk.get('b'))?.value]).toEqual(['in memory', 'new'])
  time += 100
  expect(await disk.get('a')).toBeUndefined()
})

test('a version is compared across the disk and the memory', async () => {
  const { store, fill, clear } = openDisk()
  const spare = new FallbackStore(store, machineWith({ now }))
  const first = (await spare.compareAndSet('a', 0, '1')) ?? 0
  fill()
  expect(await spare.compareAndSet('a', first + 1, 'wrong')).toBeUndefined()
  const [second, late] = await Promise.all([
    spare.compareAndSet('a', first, '2'),
    spare.compareAndSet('a', first, 'late'),
  ])
  expect([second === undefined, late]).toEqual([false, undefined])
  expect(await spare.get('a')).toEqual({ value: '2', version: second ?? 0 })
  // the disk's own version is an old one, although the disk can be written again
  clear()
  expect(await spare.compareAndSet('a', first, 'late')).toBeUndefined()
  expect(await spare.compareAndSet('a', second ?? 0, '3')).toBeGreaterThan(second ?? 0)
  await spare.close()
  expect((await store.get('a'))?.value).toBe('3')
})

test('a lease of the memory writes to either, and is exclusive', async () => {
  const { store, fill, clear } = openDisk()
  const spare = new FallbackStore(store, machineWith({ now }))
  fill()
  const lease = await spare.lease('session', 1_000)
  if (!lease) throw new Error('no lease')
  expect(await spare.lease('session', 1_000)).toBeUndefined()
  const claim = { lease: { name: 'session', fence: lease.fence } }
  expect(await spare.compareAndSet('a', 0, '1', claim)).toBeDefined()
  clear()
  expect(await spare.compareAndSet('b', 0, '1', claim)).toBeDefined()
  await lease.release()
  fill()
  expect(await spare.lease('session', 1_000)).toBeDefined()
})

test('what is counted while the disk is full is added to what it has, and written once there is room', async () => {
  const { store, disk, fill, clear } = openDisk()
  const spare = new FallbackStore(store, machineWith({ now }))
  const window = { ttlMs: 100 }
  expect(await spare.increment('n', 5, window)).toBe(5)
  fill()
  expect(await Promise.all([spare.increment('n', 1, window), spare.increment('n', 2, window)])).toEqual([6, 8])
  expect([await spare.increment('n', 0), await disk.increment('n', 0)]).toEqual([8, 5])
  await expect(spare.increment('n', Number.MAX_SAFE_INTEGER - 7)).rejects.toThrow('whole numbers')
  expect(await spare.increment('other', 7)).toBe(7)
  clear()
  // the next increment writes what waits for it, closing all that is left
  expect([await spare.increment('n', 1), await disk.increment('n', 0)]).toEqual([9, 9])
  expect(await disk.increment('other', 0)).toBe(0)
  await spare.close()
  expect(await disk.increment('other', 0)).toBe(7)
  time += 100
  expect([await disk.increment('n', 0), await disk.increment('other', 0)]).toEqual([0, 7])
})

test('a window that ended while the disk is full is over', async () => {
  const { store, disk, fill, clear } = openDisk()
  const spare = new FallbackStore(store, machineWith({ now }))
  fill()
  await spare.increment('n', 3, { ttlMs: 100 })
  time += 100
  expect(await spare.increment('n', 1, { ttlMs: 100 })).toBe(1)
  clear()
  await spare.close()
  expect(await disk.increment('n', 0)).toBe(1)
})

test('what cannot be deleted is not said to be', async () => {
  const { store, fill } = openDisk()
  const spare = new FallbackStore(store, machineWith({ now }))
  await spare.put('a', '1')
  fill()
  await spare.put('a', '2')
  for (const call of [spare.delete('a'), spare.take('a')]) await expect(call).rejects.toThrow('The disk is full.')
  expect((await spare.get('a'))?.value).toBe('2')
})
