import { describe, expect, test } from 'bun:test'
import { machineWith } from '../wire/machine.double.ts'
import { FallbackStore } from './fallback-store.ts'
import { MemoryStore } from './memory/memory-store.ts'
import type { Store } from './store.ts'
import { unavailable } from './unavailable.ts'

let time = 1_000
const now = () => time

/** A store whose disk can be full. Then all writes fail, and reads still work. */
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
    entries: () => disk.entries(),
    problem: () => (isFull ? ({ kind: 'full', message: 'The disk is full.' } as const) : undefined),
    close: async () => undefined,
    put: writing((key, value, options) => disk.put(key, value, options)),
    compareAndSet: writing((key, expected, value, options) => disk.compareAndSet(key, expected, value, options)),
    take: writing((key) => disk.take(key)),
    delete: writing((key) => disk.delete(key)),
    lease: writing((name, ttlMs) => disk.lease(name, ttlMs)),
    // a counter that is only read is not written
    increment: (key, by, options) =>
      by === 0 ? disk.increment(key, 0) : writing(() => disk.increment(key, by, options))(),
    notify: (channel, text) => disk.notify(channel, text),
    listen: (channel, listener) => disk.listen(channel, listener),
  }
  return { store, disk, fill: () => (isFull = true), clear: () => (isFull = false) }
}

test('a value that a full disk refuses is kept in memory, and written when there is room', async () => {
  const { store, disk, fill, clear } = openDisk()
  const fallbackStore = new FallbackStore(store, machineWith({ now }))
  await fallbackStore.put('a', 'before')
  fill()
  await fallbackStore.put('a', 'in memory', { ttlMs: 100 })
  await fallbackStore.put('b', 'new')
  expect(fallbackStore.problem()?.message).toBe('The disk is full.')
  expect([(await fallbackStore.get('a'))?.value, await fallbackStore.keys('', 9)]).toEqual(['in memory', ['a', 'b']])
  expect((await disk.get('a'))?.value).toBe('before')
  clear()
  await fallbackStore.close()
  expect([(await disk.get('a'))?.value, (await disk.get('b'))?.value]).toEqual(['in memory', 'new'])
  time += 100
  expect(await disk.get('a')).toBeUndefined()
})

test('a version is compared across the disk and the memory', async () => {
  const { store, fill, clear } = openDisk()
  const fallbackStore = new FallbackStore(store, machineWith({ now }))
  const first = (await fallbackStore.compareAndSet('a', 0, '1')) ?? 0
  fill()
  expect(await fallbackStore.compareAndSet('a', first + 1, 'wrong')).toBeUndefined()
  const [second, late] = await Promise.all([
    fallbackStore.compareAndSet('a', first, '2'),
    fallbackStore.compareAndSet('a', first, 'late'),
  ])
  expect([second === undefined, late]).toEqual([false, undefined])
  expect(await fallbackStore.get('a')).toEqual({ value: '2', version: second ?? 0 })
  // the disk still has the old version, although it can be written again
  clear()
  expect(await fallbackStore.compareAndSet('a', first, 'late')).toBeUndefined()
  expect(await fallbackStore.compareAndSet('a', second ?? 0, '3')).toBeGreaterThan(second ?? 0)
  await fallbackStore.close()
  expect((await store.get('a'))?.value).toBe('3')
})

test('a lease that was taken in memory allows writes to the memory and to the disk, and is exclusive', async () => {
  const { store, fill, clear } = openDisk()
  const fallbackStore = new FallbackStore(store, machineWith({ now }))
  fill()
  const lease = await fallbackStore.lease('session', 1_000)
  if (!lease) throw new Error('no lease')
  expect(await fallbackStore.lease('session', 1_000)).toBeUndefined()
  const claim = { lease: { name: 'session', fence: lease.fence } }
  expect(await fallbackStore.compareAndSet('a', 0, '1', claim)).toBeDefined()
  clear()
  expect(await fallbackStore.compareAndSet('b', 0, '1', claim)).toBeDefined()
  await lease.release()
  fill()
  expect(await fallbackStore.lease('session', 1_000)).toBeDefined()
})

test('counts from the time of a full disk are added to the stored count, and written when there is room', async () => {
  const { store, disk, fill, clear } = openDisk()
  const fallbackStore = new FallbackStore(store, machineWith({ now }))
  const window = { ttlMs: 100 }
  expect(await fallbackStore.increment('n', 5, window)).toBe(5)
  fill()
  expect(await Promise.all([fallbackStore.increment('n', 1, window), fallbackStore.increment('n', 2, window)])).toEqual(
    [6, 8],
  )
  expect([await fallbackStore.increment('n', 0), await disk.increment('n', 0)]).toEqual([8, 5])
  await expect(fallbackStore.increment('n', Number.MAX_SAFE_INTEGER - 7)).rejects.toThrow('whole number')
  expect(await fallbackStore.increment('other', 7)).toBe(7)
  clear()
  // the next increment writes its own counter, and closing writes all others
  expect([await fallbackStore.increment('n', 1), await disk.increment('n', 0)]).toEqual([9, 9])
  expect(await disk.increment('other', 0)).toBe(0)
  await fallbackStore.close()
  expect(await disk.increment('other', 0)).toBe(7)
  time += 100
  expect([await disk.increment('n', 0), await disk.increment('other', 0)]).toEqual([0, 7])
})

test('a window that ends while the disk is full starts anew', async () => {
  const { store, disk, fill, clear } = openDisk()
  const fallbackStore = new FallbackStore(store, machineWith({ now }))
  fill()
  await fallbackStore.increment('n', 3, { ttlMs: 100 })
  time += 100
  expect(await fallbackStore.increment('n', 1, { ttlMs: 100 })).toBe(1)
  clear()
  await fallbackStore.close()
  expect(await disk.increment('n', 0)).toBe(1)
})

test('a value that cannot be deleted causes an error', async () => {
  const { store, fill } = openDisk()
  const fallbackStore = new FallbackStore(store, machineWith({ now }))
  await fallbackStore.put('a', '1')
  fill()
  await fallbackStore.put('a', '2')
  for (const call of [fallbackStore.delete('a'), fallbackStore.take('a')])
    await expect(call).rejects.toThrow('The disk is full.')
  expect((await fallbackStore.get('a'))?.value).toBe('2')
})

describe('over a storage that others share', () => {
  /** A storage that two processes share, and that one of them cannot reach at times. */
  function openShared() {
    const storage = new MemoryStore({ runtime: { now } })
    let isAway = false
    /** Whether the storage still does what it was asked, although the caller gets an error. */
    let isLate = false
    const reaching =
      <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
      async (...args: Args) => {
        if (isAway && !isLate) throw unavailable('The storage is away.')
        const result = await call(...args)
        if (isAway) throw unavailable('The storage is away.')
        return result
      }
    const reached: Store = {
      get: reaching((key) => storage.get(key)),
      put: reaching((key, value, options) => storage.put(key, value, options)),
      compareAndSet: reaching((key, expected, value, options) => storage.compareAndSet(key, expected, value, options)),
      take: reaching((key) => storage.take(key)),
      delete: reaching((key) => storage.delete(key)),
      keys: reaching((prefix, limit) => storage.keys(prefix, limit)),
      lease: reaching((name, ttlMs) => storage.lease(name, ttlMs)),
      increment: reaching((key, by, options) => storage.increment(key, by, options)),
      notify: reaching((channel, text) => storage.notify(channel, text)),
      listen: reaching((channel, listener) => storage.listen(channel, listener)),
      entries: () => storage.entries(),
      problem: () => undefined,
      close: async () => undefined,
    }
    const dropped: string[] = []
    const store = new FallbackStore(reached, machineWith({ now }), {
      shared: { onDropped: (key) => void dropped.push(key) },
    })
    return {
      storage,
      store,
      dropped,
      leave: (options = { isLate: false }) => {
        isAway = true
        isLate = options.isLate
      },
      back: () => {
        isAway = false
      },
    }
  }

  test('no lease is ever taken in memory', async () => {
    const { store, leave } = openShared()
    leave()
    await expect(store.lease('l', 1_000)).rejects.toThrow('away')
  })

  test('a value is written when the storage is back, under its lease', async () => {
    const { storage, store, dropped, leave, back } = openShared()
    const lease = await store.lease('l', 1_000)
    const claim = { lease: { name: 'l', fence: lease?.fence ?? 0 } }
    const first = (await store.compareAndSet('a', 0, '1', claim)) ?? 0
    leave()
    const second = (await store.compareAndSet('a', first, '2', claim)) ?? 0
    const third = (await store.compareAndSet('a', second, '3', claim)) ?? 0
    expect(await store.get('a')).toEqual({ value: '3', version: third })
    back()
    expect((await store.get('a'))?.value).toBe('3')
    expect([(await storage.get('a'))?.value, dropped]).toEqual(['3', []])
  })

  for (const [what, other] of [
    ['another process has written', (storage: MemoryStore) => storage.put('a', 'of another')],
    ['another process has deleted it', (storage: MemoryStore) => storage.delete('a')],
  ] as const)
    test(`a value is dropped, and that is said, if ${what} meanwhile`, async () => {
      const { storage, store, dropped, leave, back } = openShared()
      const first = (await store.compareAndSet('a', 0, '1')) ?? 0
      leave()
      expect(await store.compareAndSet('a', first, '2')).toBeDefined()
      await other(storage)
      const newer = await storage.get('a')
      back()
      expect([await store.get('a'), dropped]).toEqual([newer, ['a']])
    })

  test('a value is dropped if another process has taken the lease, even if it has not written yet', async () => {
    const { storage, store, dropped, leave, back } = openShared()
    const lease = await store.lease('l', 10)
    leave()
    expect(await store.compareAndSet('a', 0, '1', { lease: { name: 'l', fence: lease?.fence ?? 0 } })).toBeDefined()
    time += 10
    await storage.lease('l', 10)
    back()
    expect([await store.get('a'), dropped]).toEqual([undefined, ['a']])
  })

  test('a write that was done although it failed does not look like that of another process', async () => {
    const { storage, store, dropped, leave, back } = openShared()
    const first = (await store.compareAndSet('a', 0, '1')) ?? 0
    leave({ isLate: true })
    const second = (await store.compareAndSet('a', first, '2')) ?? 0
    expect((await storage.get('a'))?.value).toBe('2')
    leave()
    await store.compareAndSet('a', second, '3')
    back()
    await store.close()
    expect([(await storage.get('a'))?.value, dropped]).toEqual(['3', []])
  })

  test('each process counts for itself meanwhile, and the sum is right afterwards', async () => {
    const { storage, store, leave, back } = openShared()
    expect(await store.increment('n', 5)).toBe(5)
    leave()
    expect([await store.increment('n', 1), await store.increment('n', 1)]).toEqual([1, 2])
    await storage.increment('n', 10)
    back()
    expect(await store.increment('n', 1)).toBe(18)
  })
})
