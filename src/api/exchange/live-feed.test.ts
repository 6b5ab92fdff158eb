import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import { CancelSource } from '../../flow/cancel.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { LiveFeed } from './live-feed.ts'

function setUp() {
  const runtime = new ManualRuntime()
  const seen = { looks: 0, overview: 'a', upstreams: 'u', mayListen: true }
  const followers = new Set<(json: string) => void>()
  const feed = new LiveFeed(
    {
      look() {
        seen.looks++
        return {
          overview: `${seen.overview} at ${runtime.now()}`,
          overviewMark: seen.overview,
          upstreamsMark: seen.upstreams,
        }
      },
      followRequests(listener) {
        followers.add(listener)
        return () => void followers.delete(listener)
      },
    },
    runtime.timers,
  )
  const listen = (signal = new CancelSource(runtime)) => {
    const flow = feed.follow(signal, () => seen.mayListen)
    return { flow, signal, next: async () => (await flow.next())?.map(({ type }) => type) }
  }
  return { runtime, seen, feed, followers, listen, end: (json: string) => followers.forEach((tell) => void tell(json)) }
}

test('nothing runs while nobody listens', async () => {
  const { runtime, seen, followers, listen } = setUp()
  await runtime.advance(60_000)
  expect([seen.looks, runtime.timers.size, followers.size]).toEqual([0, 0, 0])
  const { flow } = listen()
  expect([runtime.timers.size, followers.size]).toEqual([1, 1])
  flow.close()
  await runtime.advance(60_000)
  expect([seen.looks, runtime.timers.size, followers.size]).toEqual([1, 0, 0])
})

test('a listener gets the overview at once, and again only when it has changed', async () => {
  const { runtime, seen, listen } = setUp()
  const { flow, next } = listen()
  expect(await next()).toEqual(['overview'])
  const second = next()
  await runtime.advance(10_000)
  expect(await Promise.race([second, 'none'])).toBe('none')
  seen.overview = 'b'
  await runtime.advance(1_000)
  expect(await second).toEqual(['overview'])
  seen.upstreams = 'v'
  await runtime.advance(1_000)
  expect(await next()).toEqual(['upstreams'])
  const both = next()
  Object.assign(seen, { overview: 'c', upstreams: 'w' })
  await runtime.advance(1_000)
  expect(await both).toEqual(['upstreams', 'overview'])
  flow.close()
})

test('a listener that has lost the right to listen gets nothing more', async () => {
  const { runtime, seen, followers, listen } = setUp()
  const { next } = listen()
  expect(await next()).toEqual(['overview'])
  const last = next()
  Object.assign(seen, { overview: 'b', mayListen: false })
  await runtime.advance(1_000)
  expect([await last, await next()]).toEqual([undefined, undefined])
  expect([seen.looks, runtime.timers.size, followers.size]).toEqual([1, 0, 0])
})

test('one look a second serves all listeners', async () => {
  const { runtime, seen, listen } = setUp()
  const all = Array.from({ length: 10 }, () => listen())
  await runtime.advance(5_000)
  expect(seen.looks).toBe(6)
  seen.overview = 'b'
  for (const { next } of all) expect(await next()).toEqual(['overview'])
  await runtime.advance(1_000)
  for (const { next } of all) expect(await next()).toEqual(['overview'])
})

test('what a slow listener has not read is replaced, and takes little memory', async () => {
  const { runtime, seen, listen, end } = setUp()
  const { flow } = listen()
  for (let count = 0; count < 1_000; count++) {
    end(String(count))
    seen.overview = String(count)
    seen.upstreams = String(count)
    await runtime.advance(1_000)
  }
  const batch = (await flow.next()) ?? []
  const counts = Map.groupBy(batch, ({ type }) => type)
  expect([...counts].map(([type, events]) => [type, events.length])).toEqual([
    ['request', 200],
    ['upstreams', 1],
    ['overview', 1],
  ])
  expect(counts.get('request')?.map(({ json }) => json)).toEqual(
    Array.from({ length: 200 }, (_, at) => String(800 + at)),
  )
})

describe('a stream ends', () => {
  test('when the program stops, and no other begins', async () => {
    const { runtime, feed, listen } = setUp()
    const { next } = listen()
    await next()
    const last = next()
    feed.end()
    expect([await last, feed.size, runtime.timers.size]).toEqual([undefined, 0, 0])
    expect(() => listen()).toThrow(ChatError)
  })

  test('with the reason of its call', async () => {
    const { runtime, feed, listen } = setUp()
    const { next, signal } = listen()
    await next()
    const last = next()
    const reason = new ChatError('cancelled', { message: 'left' })
    signal.abort(reason)
    expect(await last.catch((thrown) => thrown)).toBe(reason)
    expect([feed.size, runtime.timers.size]).toEqual([0, 0])
  })
})

test('more listeners than the limit are refused, and one that leaves makes room', () => {
  const { feed, listen } = setUp()
  const all = Array.from({ length: 20 }, () => listen())
  expect(() => listen()).toThrow('At most 20')
  all[0]?.flow.close()
  expect(feed.size).toBe(19)
  listen()
  expect(feed.size).toBe(20)
})
