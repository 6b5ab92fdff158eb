import { expect, test } from 'bun:test'
import { anybody, type Caller } from '../chat/caller.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { StoredResponses } from './stored-responses.ts'

const other: Caller = { ...anybody, id: 'other' }
const said = (id: string) => ({ id: `msg_${id}`, type: 'message' })
const response = (id: string) => ({ id, output: [said(id)] })

function setUp() {
  let now = 0
  const responses = new StoredResponses({ store: new MemoryStore({ runtime: { now: () => now } }), ttlMs: 1_000 })
  return {
    responses,
    pass: (ms: number) => {
      now += ms
    },
  }
}

test('a conversation is the items of all its responses, the oldest first', async () => {
  const { responses } = setUp()
  await responses.save(anybody, { response: response('a'), input: ['one'] })
  await responses.save(anybody, { response: response('b'), input: ['two', 'three'], previous: 'a' })
  expect(await responses.history(anybody, 'b')).toEqual(['one', said('a'), 'two', 'three', said('b')])
})

test('a conversation of which a response is gone is not continued', async () => {
  const { responses } = setUp()
  await responses.save(anybody, { response: response('a'), input: [] })
  await responses.save(anybody, { response: response('b'), input: [], previous: 'a' })
  expect(await responses.remove(anybody, 'a')).toBe(true)
  expect(await responses.remove(anybody, 'a')).toBe(false)
  expect(await responses.history(anybody, 'b')).toBeUndefined()
})

test('a conversation that refers to itself is not followed for ever', async () => {
  const { responses } = setUp()
  await responses.save(anybody, { response: response('a'), input: [], previous: 'a' })
  expect(await responses.history(anybody, 'a')).toBeUndefined()
})

test('nobody finds the response or the item of another caller', async () => {
  const { responses } = setUp()
  await responses.save(anybody, { response: response('a'), input: [] })
  expect(await responses.item(anybody, 'msg_a')).toEqual(said('a'))
  expect(
    await Promise.all([responses.find(other, 'a'), responses.item(other, 'msg_a'), responses.history(other, 'a')]),
  ).toEqual([undefined, undefined, undefined])
  expect(await responses.remove(other, 'a')).toBe(false)
  expect((await responses.find(anybody, 'a'))?.response).toEqual(response('a'))
})

test('a response is kept for its time, and an id of any length finds nothing', async () => {
  const { responses, pass } = setUp()
  await responses.save(anybody, { response: response('a'), input: [] })
  pass(999)
  expect(await responses.find(anybody, 'a')).toBeDefined()
  pass(1)
  expect(await responses.find(anybody, 'a')).toBeUndefined()
  expect(await responses.find(anybody, `${'x'.repeat(9_999)}\ud800`)).toBeUndefined()
})
