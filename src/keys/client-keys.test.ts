import { afterEach, describe, expect, test } from 'bun:test'
import type { HashedKey } from '../chat/caller.ts'
import { ChatError } from '../chat/error.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { aLog, type LogLine } from '../gateway/chat.double.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { Store } from '../state/store.ts'
import { ClientKeys } from './client-keys.ts'
import { hashOf } from './named-key.ts'

const runtime = new ManualRuntime()
const opened: ClientKeys[] = []
afterEach(() => {
  for (const keys of opened.splice(0)) keys.close()
})

async function open(store: Store, lines: LogLine[] = []) {
  const keys = new ClientKeys({ configured: [], hasMasterKey: true, store, log: aLog(lines), runtime })
  opened.push(keys)
  const seen: (readonly HashedKey[])[] = []
  keys.watch((now) => seen.push(now))
  await keys.follow()
  return { keys, names: () => seen.at(-1)?.map(({ caller }) => caller.name) }
}

/** A store that loses every notice. */
const deaf = (store: Store): Store => ({
  get: (key) => store.get(key),
  put: (...put) => store.put(...put),
  compareAndSet: (...write) => store.compareAndSet(...write),
  take: (key) => store.take(key),
  delete: (key) => store.delete(key),
  keys: (...range) => store.keys(...range),
  entries: () => store.entries(),
  lease: (...lease) => store.lease(...lease),
  increment: (...added) => store.increment(...added),
  notify: async () => undefined,
  listen: async () => () => undefined,
  problem: () => undefined,
  close: () => store.close(),
})

describe('a change', () => {
  test('is known to another process with its notice', async () => {
    const store = new MemoryStore({ runtime })
    const [one, other] = [await open(store), await open(store)]
    await one.keys.add({ name: 'phone', role: 'user' })
    await runtime.settle()
    expect(other.names()).toEqual(['phone'])
    await other.keys.remove('phone')
    await runtime.settle()
    expect(one.names()).toEqual([])
  })

  test('is known within 5 seconds if the notice is lost', async () => {
    const store = deaf(new MemoryStore({ runtime }))
    const [one, other] = [await open(store), await open(store)]
    await one.keys.add({ name: 'phone', role: 'user' })
    expect(other.names()).toEqual([])
    await runtime.advance(5_000)
    expect(other.names()).toEqual(['phone'])
  })

  test('of several processes at once is not lost', async () => {
    const store = deaf(new MemoryStore({ runtime }))
    const all = await Promise.all(Array.from({ length: 5 }, () => open(store)))
    await Promise.all(all.map(({ keys }, at) => keys.add({ name: `k${at}`, role: 'user' })))
    const listed = await all[0]?.keys.list()
    expect(listed?.map(({ key }) => key.name).sort()).toEqual(['k0', 'k1', 'k2', 'k3', 'k4'])
  })
})

test('only the hash of a key is stored, and a new process reads it with its limits', async () => {
  const store = new MemoryStore({ runtime })
  const { keys } = await open(store)
  const settings = {
    name: 'phone',
    role: 'user',
    rpm: 5,
    models: ['a/*'],
    budget: '5 USD/month',
    owner: 'ann',
  } as const
  const { text } = await keys.add(settings)
  const stored = (await store.get('client-keys'))?.value ?? ''
  expect(stored).not.toContain(text)
  expect(stored).toContain(hashOf(text))
  const seen: (readonly HashedKey[])[] = []
  const { keys: later } = await open(store)
  later.watch((now) => seen.push(now))
  expect(seen.at(-1)).toMatchObject([{ hash: hashOf(text), caller: { name: 'phone', limits: { rpm: 5 } } }])
  const [listed] = await later.list()
  expect(listed).toMatchObject({ key: settings, source: 'state' })
})

test('while the store cannot be read the known keys stay, and one line of the log says so', async () => {
  const memory = new MemoryStore({ runtime })
  let isFailing = false
  const store: Store = {
    ...deaf(memory),
    get: async (key) => {
      if (isFailing) throw new ChatError('unavailable', { message: 'The disk fails.' })
      return memory.get(key)
    },
  }
  const lines: LogLine[] = []
  const { keys, names } = await open(store, lines)
  await keys.add({ name: 'phone', role: 'user' })
  isFailing = true
  await runtime.advance(20_000)
  expect(names()).toEqual(['phone'])
  expect(lines.map(({ message }) => message)).toEqual(['client keys could not be read'])
  await expect(keys.list()).rejects.toMatchObject({ reason: 'unavailable' })
})

test('a key of the state can be revoked after the file has got one of its name', async () => {
  const { keys, names } = await open(new MemoryStore({ runtime }))
  await keys.add({ name: 'phone', role: 'user' })
  const inFile = { name: 'phone', role: 'user', hash: hashOf('sk-0123456789abcdef') } as const
  keys.reconfigure({ configured: [inFile], hasMasterKey: true })
  await keys.remove('phone')
  expect(names()).toEqual(['phone'])
  expect(await keys.list()).toEqual([{ key: inFile, source: 'file' }])
  await expect(keys.remove('phone')).rejects.toMatchObject({ code: 'key_in_file' })
})
