import { expect, test } from 'bun:test'
import { KeyedQueue } from './keyed-queue.ts'

/** Work that ends when the test says so. */
function heldWork(queue: KeyedQueue, events: string[]) {
  return (key: string, name: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const done = queue.run(key, () => {
      events.push(`${name} begins`)
      return promise
    })
    done.then(
      () => events.push(`${name} ends`),
      () => events.push(`${name} fails`),
    )
    return { end: () => resolve(name), fail: () => reject(new Error(name)), done }
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('work for one key is done in order, and work for another key does not wait', async () => {
  const events: string[] = []
  const queue = new KeyedQueue()
  const hold = heldWork(queue, events)
  const [a, b, other] = [hold('x', 'a'), hold('x', 'b'), hold('y', 'other')]
  expect(events).toEqual(['a begins', 'other begins'])
  other.end()
  b.end()
  await settled()
  expect(events).toEqual(['a begins', 'other begins', 'other ends'])
  a.end()
  expect(await b.done).toBe('b')
  expect(events).toEqual(['a begins', 'other begins', 'other ends', 'a ends', 'b begins', 'b ends'])
})

test('work that fails does not stop the queue', async () => {
  const events: string[] = []
  const hold = heldWork(new KeyedQueue(), events)
  const [a, b] = [hold('x', 'a'), hold('x', 'b')]
  a.fail()
  b.end()
  expect(await b.done).toBe('b')
  expect(events).toEqual(['a begins', 'a fails', 'b begins', 'b ends'])
})

test('the queue is drained when all work that was begun has ended', async () => {
  const events: string[] = []
  const queue = new KeyedQueue()
  const hold = heldWork(queue, events)
  const [a, b] = [hold('x', 'a'), hold('y', 'b')]
  const drained = queue.drained().then(() => events.push('drained'))
  a.end()
  await settled()
  expect(events).not.toContain('drained')
  b.fail()
  await drained
  expect(events.at(-1)).toBe('drained')
  await queue.drained()
})
