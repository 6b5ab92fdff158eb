import { expect, test } from 'bun:test'
import { CancelSource } from '../flow/cancel.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { GapEvent, RecordedEvent } from './read-recording.ts'
import { Recordings, type RecordingsOptions } from './recordings.ts'

const noStop = { onStop: () => undefined }

function setUp(limits: Partial<RecordingsOptions> = {}) {
  const runtime = new ManualRuntime()
  const store = new MemoryStore({ runtime })
  const options = { store, ttlMs: 60_000, runtime, ...limits }
  return { runtime, store, recordings: new Recordings(options), reopen: () => new Recordings(options) }
}

/** Reads a recording in the background. */
function reading(recordings: Recordings, runtime: ManualRuntime, { key = 'a', after = -1 } = {}) {
  const found: (RecordedEvent | GapEvent)[] = []
  const signal = new CancelSource(runtime)
  const flow = recordings.read(key, after, signal)
  const ended = (async () => {
    for (let batch = await flow.next(); batch; batch = await flow.next()) found.push(...batch)
  })()
  const failure = ended.then(
    () => 'no failure',
    (thrown) => thrown.code,
  )
  const texts = () => found.map((event) => (event.type === 'gap' ? `gap ${event.from}-${event.to}` : event.text))
  return { texts, found, failure, signal }
}

test('a reader gets the events while they are written, and all of them after the end', async () => {
  const { recordings, runtime, reopen } = setUp()
  const recording = await recordings.open('a', noStop)
  await recording.append(['one', 'two'])
  const early = reading(recordings, runtime)
  await runtime.advance(100)
  expect(early.texts()).toEqual(['one', 'two'])
  await recording.append(['three'])
  await recording.end()
  expect(await early.failure).toBe('no failure')
  expect(early.texts()).toEqual(['one', 'two', 'three'])
  // a later process finds them too
  const late = reading(reopen(), runtime, { after: 0 })
  expect(await late.failure).toBe('no failure')
  expect(late.found).toEqual([
    { type: 'recorded', number: 1, text: 'two' },
    { type: 'recorded', number: 2, text: 'three' },
  ])
})

test('a reader that asks for more than there is waits for the next event', async () => {
  const { recordings, runtime } = setUp()
  const recording = await recordings.open('a', noStop)
  await recording.append(['one', 'two'])
  const reader = reading(recordings, runtime, { after: 1 })
  await runtime.advance(5_000)
  expect(reader.texts()).toEqual([])
  await recording.append(['three'])
  await recording.end()
  expect(await reader.failure).toBe('no failure')
  expect(reader.texts()).toEqual(['three'])
})

test('a recording that grows and ends between two looks of its reader is read whole', async () => {
  const { recordings, runtime, store } = setUp()
  const recording = await recordings.open('a', noStop)
  await recording.append(['one'])
  await runtime.advance(100)
  const get = store.get.bind(store)
  store.get = async (key) => {
    const found = await get(key)
    if (found || !key.startsWith('stream-events/')) return found
    await recording.append(['two'])
    await recording.end()
    return undefined
  }
  const reader = reading(recordings, runtime)
  await runtime.advance(5_000)
  expect([await reader.failure, reader.texts()]).toEqual(['no failure', ['one', 'two']])
})

test('a reader learns of a writer that died, and that there is no such recording', async () => {
  const { recordings, runtime, store } = setUp()
  const recording = await recordings.open('a', noStop)
  await recording.append(['one'])
  await runtime.advance(60_000)
  expect(await recordings.isRunning('a')).toBe(true)
  // the process stops: nothing is written any more
  store.put = () => Promise.resolve()
  const reader = reading(recordings, runtime)
  await runtime.advance(21_000)
  expect([await reader.failure, reader.texts(), await recordings.isRunning('a')]).toEqual([
    'stream_interrupted',
    ['one'],
    false,
  ])
  expect(await reading(recordings, runtime, { key: 'b' }).failure).toBe('not_found')
})

test('a writer is asked to stop, and the one who asked waits for its end', async () => {
  const { recordings, runtime } = setUp()
  const stops: string[] = []
  const recording = await recordings.open('a', { onStop: () => void stops.push('a') })
  const stopping = recordings.stop('a', new CancelSource(runtime)).then(() => stops.push('ended'))
  await runtime.advance(3_000)
  expect(stops).toEqual(['a'])
  await recording.end()
  await stopping
  expect(stops).toEqual(['a', 'ended'])
  // it has ended, so there is no writer to stop
  await recordings.stop('a', new CancelSource(runtime))
  expect(stops).toHaveLength(2)
})

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at).join()

test('the oldest events of a long recording are dropped, and a reader that needs them learns of the gap', async () => {
  const { recordings, runtime, store } = setUp({ maxCharacters: 300 })
  const recording = await recordings.open('a', noStop)
  for (let at = 0; at < 5; at++) {
    await recording.append([`event ${at}`, numbers(50 + at)])
    await runtime.advance(100)
  }
  await recording.end()
  const late = reading(recordings, runtime, { after: 0 })
  expect(await late.failure).toBe('no failure')
  expect(late.texts()).toEqual(['gap 1-7', 'event 4', numbers(54)])
  const current = reading(recordings, runtime, { after: 8 })
  expect([await current.failure, current.texts()]).toEqual(['no failure', [numbers(54)]])
  expect(await store.keys('stream-events/a/', 10)).toEqual(['stream-events/a/4'])
})

test('one event that is longer than the limit ends what can be read', async () => {
  const { recordings, runtime } = setUp({ maxCharacters: 100 })
  const recording = await recordings.open('a', noStop)
  await recording.append(['one'])
  await runtime.advance(100)
  await recording.append([numbers(999)])
  await runtime.advance(100)
  const reader = reading(recordings, runtime)
  expect([await reader.failure, reader.texts()]).toEqual(['events_not_kept', ['one']])
  await recording.append(['two'])
  await recording.end()
  expect(await reading(recordings, runtime).failure).toBe('events_not_kept')
})

test('a recording is kept for its own time after its end, and its writer knows of its readers', async () => {
  const { recordings, runtime } = setUp({ ttlMs: 600_000 })
  let readers = 0
  const recording = await recordings.open('a', { ...noStop, keptMs: 10_000, onReader: () => readers++ })
  await recording.append(['one'])
  const reader = reading(recordings, runtime)
  await runtime.advance(1_000)
  expect(readers).toBe(1)
  await runtime.advance(30_000)
  expect(readers).toBe(3)
  await recording.end()
  expect([await reader.failure, reader.texts()]).toEqual(['no failure', ['one']])
  await runtime.advance(9_000)
  expect(await reading(recordings, runtime).failure).toBe('no failure')
  await runtime.advance(2_000)
  expect(await reading(recordings, runtime).failure).toBe('not_found')
})

test('the oldest recordings make room for new ones, also those of an earlier process', async () => {
  const { recordings, reopen, runtime } = setUp({ maxTotal: 3_000 })
  for (const key of ['a', 'b']) {
    const recording = await recordings.open(key, noStop)
    await recording.append([key])
    await recording.end()
    await runtime.advance(1_000)
  }
  const last = await reopen().open('c', noStop)
  await last.append(['c'])
  await last.end()
  const textsOf = async (key: string) => {
    const reader = reading(recordings, runtime, { key })
    return [await reader.failure, reader.texts()]
  }
  expect(await textsOf('a')).toEqual(['not_found', []])
  expect(await textsOf('b')).toEqual(['no failure', ['b']])
  expect(await textsOf('c')).toEqual(['no failure', ['c']])
})

test('recordings that are written at the same time leave each other alone', async () => {
  const { recordings, runtime } = setUp({ maxTotal: 2_500 })
  const written = await Promise.all(['a', 'b'].map((key) => recordings.open(key, noStop)))
  for (const recording of written) await recording.append([Array.from({ length: 200 }, (_, at) => at).join()])
  await runtime.advance(100)
  for (const recording of written) await recording.end()
  const failures = await Promise.all(['a', 'b'].map((key) => reading(recordings, runtime, { key }).failure))
  expect(failures.sort()).toEqual(['events_not_kept', 'no failure'])
})

test('a reader that leaves waits for nothing, and a removed recording is gone', async () => {
  const { recordings, runtime } = setUp()
  const recording = await recordings.open('a', noStop)
  await recording.append(['one'])
  const reader = reading(recordings, runtime)
  await runtime.advance(100)
  reader.signal.abort(new Error('left'))
  expect(await reader.failure).toBeUndefined()
  await recording.end()
  await recordings.remove('a')
  expect(await reading(recordings, runtime).failure).toBe('not_found')
  expect(runtime.timers.size).toBe(0)
})

test('a writer waits while the store is slower than the events', async () => {
  const { recordings, store, runtime } = setUp()
  const recording = await recordings.open('a', noStop)
  const slow = Promise.withResolvers<void>()
  const { put } = store
  store.put = async (...args) => {
    await slow.promise
    return put.apply(store, args)
  }
  const event = 'x'.repeat(64 * 1024)
  expect(recording.append([event])).toBeUndefined()
  await runtime.settle()
  const waiting = recording.append(Array.from({ length: 20 }, () => event))
  expect(waiting).toBeInstanceOf(Promise)
  slow.resolve()
  await waiting
  await recording.end()
  const reader = reading(recordings, runtime)
  await reader.failure
  expect(reader.found).toHaveLength(21)
})
