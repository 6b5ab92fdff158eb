import { expect, test } from 'bun:test'
import { readAll, readyFlow, scriptedFlow } from './flow.double.ts'
import { map } from './map.ts'

const odd = (batch: readonly number[]) => batch.filter((event) => event % 2 === 1)

test('a flow is mapped batch by batch, without a promise if a batch is ready', async () => {
  const ready = map(readyFlow([1, 2], [3]), (batch) => batch.map((event) => event * 2))
  expect([ready.next(), ready.next(), ready.next()]).toEqual([[2, 4], [6], undefined])
  expect((await readAll(map(scriptedFlow(Promise.resolve([1, 2]), [3]), odd))).batches).toEqual([[1], [3]])
})

test('a batch that becomes empty is skipped, and the flow still ends', async () => {
  expect(map(readyFlow([2], [4], [5]), odd).next()).toEqual([5])
  const later = map(scriptedFlow(Promise.resolve([2]), Promise.resolve([4]), [5]), odd)
  expect((await readAll(later)).batches).toEqual([[5]])
  expect(map(readyFlow([2]), odd).next()).toBeUndefined()
})

test('many empty batches do not need a deep stack', () => {
  const flow = map(readyFlow(...Array.from({ length: 100_000 }, () => [2])), odd)
  expect(flow.next()).toBeUndefined()
})

test('a mapped flow fails with its source, and closes its source when it is closed', async () => {
  const inner = scriptedFlow<number>([1], new Error('cut'))
  const flow = map(inner, odd)
  expect(await readAll(flow)).toEqual({ batches: [[1]], thrown: new Error('cut') })
  flow.close()
  expect(inner.closes).toBe(1)
})
