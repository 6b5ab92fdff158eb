import { expect, test } from 'bun:test'
import { anybody, type Caller } from '../chat/caller.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { StoredResponses } from './stored-responses.ts'

const other: Caller = { ...anybody, id: 'other' }
const said = (id: string) => ({ id: `msg_${id}`, type: 'message' })
const response = (id: string) => {
  const items = [said(id)]
  return { response: { id, output: items }, items }
}

function setUp(slow: Promise<void> = Promise.resolve()) {
  const runtime = new ManualRuntime()
  const store = new MemoryStore({ runtime })
  const { put } = store
  store.put = async (...args) => {
    await slow
    return put.apply(store, args)
  }
  const responses = new StoredResponses({ store, ttlMs: 1_000, timers: runtime.timers })
  return { responses, pass: (ms: number) => runtime.advance(ms) }
}

test('a conversation is the items of all its responses, the oldest first', async () => {
  const { responses } = setUp()
  await responses.save(anybody, { ...response('a'), input: ['one'] })
  await responses.save(anybody, { ...response('b'), input: ['two', 'three'], previous: 'a' })
  expect(await responses.history(anybody, 'b')).toEqual(['one', said('a'), 'two', 'three', said('b')])
})

test('a conversation of which a response is gone is not continued', async () => {
  const { responses } = setUp()
  await responses.save(anybody, { ...response('a'), input: [] })
  await responses.save(anybody, { ...response('b'), input: [], previous: 'a' })
  expect(await responses.remove(anybody, 'a')).toBe(true)
  expect(await responses.remove(anybody, 'a')).toBe(false)
  expect(await responses.history(anybody, 'b')).toBeUndefined()
})

test('the items of a response are forgotten with it', async () => {
  const { responses } = setUp()
  await responses.save(anybody, { ...response('a'), input: [] })
  expect(await responses.remove(anybody, 'a')).toBe(true)
  expect(await responses.item(anybody, 'msg_a')).toBeUndefined()
})

test('a client does not wait for a slow state without end, and the write goes on', async () => {
  const slow = Promise.withResolvers<void>()
  const { responses, pass } = setUp(slow.promise)
  const saving = responses.save(anybody, { ...response('a'), input: [] })
  const failure = saving.catch((thrown: unknown) => thrown)
  await pass(5_000)
  expect(await failure).toMatchObject({ reason: 'unavailable' })
  slow.resolve()
  await pass(0)
  expect(await responses.find(anybody, 'a')).toBeDefined()
})

test('a conversation that refers to itself is not followed for ever', async () => {
  const { responses } = setUp()
  await responses.save(anybody, { ...response('a'), input: [], previous: 'a' })
  expect(await responses.history(anybody, 'a')).toBeUndefined()
})

test('a caller finds only its own responses and items', async () => {
  const { responses } = setUp()
  await responses.save(anybody, { ...response('a'), input: [] })
  expect(await responses.item(anybody, 'msg_a')).toEqual(said('a'))
  expect(
    await Promise.all([responses.find(other, 'a'), responses.item(other, 'msg_a'), responses.history(other, 'a')]),
  ).toEqual([undefined, undefined, undefined])
  expect(await responses.remove(other, 'a')).toBe(false)
  expect((await responses.find(anybody, 'a'))?.response).toEqual(response('a').response)
})

test('a response is kept for its time, and an id of any length finds nothing', async () => {
  const { responses, pass } = setUp()
  await responses.save(anybody, { ...response('a'), input: [] })
  await pass(999)
  expect(await responses.find(anybody, 'a')).toBeDefined()
  await pass(1)
  expect(await responses.find(anybody, 'a')).toBeUndefined()
  expect(await responses.find(anybody, `${'x'.repeat(9_999)}\ud800`)).toBeUndefined()
})

test('what the client does not get of an item is kept for the next turn', async () => {
  const { responses } = setUp()
  const sealed = { ...said('a'), encrypted_content: 'sealed' }
  await responses.save(anybody, { ...response('a'), items: [sealed], input: ['one'] })
  expect((await responses.find(anybody, 'a'))?.response).toEqual(response('a').response)
  expect(await responses.history(anybody, 'a')).toEqual(['one', sealed])
  expect(await responses.item(anybody, 'msg_a')).toEqual(sealed)
})
