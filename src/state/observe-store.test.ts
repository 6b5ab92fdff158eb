import { expect, test } from 'bun:test'
import { machine } from '../wire/machine.double.ts'
import { MemoryStore } from './memory/memory-store.ts'
import { observeStore, type StoreOperation } from './observe-store.ts'

test('each operation is told at its end, with its outcome and no key', async () => {
  const told: StoreOperation[] = []
  const onOperation = (operation: StoreOperation) => void told.push(operation)
  const store = observeStore(new MemoryStore({ runtime: machine }), { onOperation, runtime: machine })
  await store.put('a secret key', 'value')
  expect((await store.get('a secret key'))?.value).toBe('value')
  await store.increment('n', 1)
  expect(await store.put('k'.repeat(2_000), '').catch(() => 'refused')).toBe('refused')
  expect(told.map(({ name, outcome }) => [name, outcome])).toEqual([
    ['put', 'ok'],
    ['get', 'ok'],
    ['increment', 'ok'],
    ['put', 'invalid_request'],
  ])
  expect(told.every(({ durationMs }) => durationMs >= 0)).toBe(true)
  expect(JSON.stringify(told)).not.toContain('secret')
  await store.close()
})
