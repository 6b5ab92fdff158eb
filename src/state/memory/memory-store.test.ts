import { describe, expect, test } from 'bun:test'
import { machine } from '../../wire/machine.double.ts'
import { MemoryStore } from './memory-store.ts'

describe('a memory store that is full', () => {
  test('deletes the values that were not used for the longest time', async () => {
    const store = new MemoryStore({ runtime: machine, maxEntries: 3 })
    for (const key of ['a', 'b', 'c']) await store.put(key, key)
    await store.get('a')
    await store.put('b', 'again')
    await store.put('d', 'd')
    expect(await store.keys('', 9)).toEqual(['a', 'b', 'd'])
    await store.compareAndSet('a', (await store.get('a'))?.version ?? 0, 'again')
    await store.put('e', 'e')
    await store.put('f', 'f')
    expect(await store.keys('', 9)).toEqual(['a', 'e', 'f'])
  })

  test('counts two bytes for each character, and some for each entry', async () => {
    const store = new MemoryStore({ runtime: machine, maxBytes: 3 * (128 + 2 * (1 + 100)) })
    for (const key of ['a', 'b', 'c']) await store.put(key, 'x'.repeat(100))
    expect(await store.keys('', 9)).toEqual(['a', 'b', 'c'])
    await store.put('d', 'x'.repeat(101))
    expect(await store.keys('', 9)).toEqual(['c', 'd'])
  })

  test('has free space again after a value is deleted, taken, replaced or ended', async () => {
    let time = 0
    const store = new MemoryStore({ maxBytes: 2 * (128 + 2 * (1 + 100)), runtime: { now: () => time } })
    await store.put('kept', '')
    for (let round = 0; round < 100; round++) {
      await store.put('a', 'x'.repeat(100))
      await store.put('a', 'x'.repeat(100))
      if (round % 3 === 0) await store.delete('a')
      if (round % 3 === 1) await store.take('a')
      if (round % 3 === 2) {
        await store.put('a', 'x'.repeat(100), { ttlMs: 1 })
        time++
        await store.get('a')
      }
      expect(await store.get('kept')).toBeDefined()
    }
  })

  test('does not keep a value that is larger than the limit', async () => {
    const store = new MemoryStore({ runtime: machine, maxBytes: 1000 })
    await store.put('a', 'x'.repeat(1000))
    expect(await store.get('a')).toBeUndefined()
  })
})

test('ended leases of many names are deleted', async () => {
  let time = 0
  const store = new MemoryStore({ runtime: { now: () => time } })
  const fences: number[] = []
  for (let at = 0; at < 10_000; at++) {
    time += 3_600_000
    fences.push((await store.lease(`name ${at}`, 1000))?.fence ?? 0)
  }
  expect(fences).toEqual(Array.from({ length: 10_000 }, (_, at) => at + 1))
  // a lease is remembered for a day after its end
  const write = (at: number) =>
    store.compareAndSet(`key ${at}`, 0, '', { lease: { name: `name ${at}`, fence: fences[at] ?? 0 } })
  expect(await write(9_970)).toBeUndefined()
  expect(await write(9_980)).toBeNumber()
})

test('the least recently used counters are deleted if there are too many, but no values', async () => {
  const store = new MemoryStore({ runtime: machine, maxEntries: 3 })
  await store.put('a', 'a value')
  for (const key of ['a', 'b', 'c']) await store.increment(key, 1)
  await store.increment('a', 0)
  await store.increment('d', 1)
  expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => store.increment(key, 0)))).toEqual([1, 0, 1, 1])
  expect((await store.get('a'))?.value).toBe('a value')
})
