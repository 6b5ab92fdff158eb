import { expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { Recordings } from '../../conversations/recordings.ts'
import { CancelSource } from '../../flow/cancel.ts'
import { type ScriptedStep, scriptedFlow, silentFlow } from '../../flow/flow.double.ts'
import type { Flow } from '../../flow/flow.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { aCall, text } from '../../gateway/chat.double.ts'
import { MemoryStore } from '../../state/memory/memory-store.ts'
import { RecordedAnswer } from './recorded-answer.ts'

const surface = {
  event: (event: ChatEvent) => ('text' in event && event.text !== '' ? `data: ${event.text}\n\n` : ''),
  end: () => 'data: end\n\n',
  error: ({ code }: ChatError) => `data: error ${code}\n\n`,
  keepAlive: ': ping\n\n',
}

/** Records an answer whose end, or whose abort, closes its call. */
async function record(openFlow: (signal: CancelSource) => Flow<ChatEvent>) {
  const runtime = new ManualRuntime()
  const recordings = new Recordings({ store: new MemoryStore({ runtime }), ttlMs: 600_000, runtime })
  const signal = new CancelSource(runtime)
  let isClosed = false
  const open = {
    call: aCall(signal),
    noteStream: () => undefined,
    abort: (reason: ChatError) => signal.abort(reason),
    close: () => {
      isClosed = true
    },
  }
  let answer: RecordedAnswer<ChatEvent> | undefined
  const settings = { onStop: () => undefined, onReader: () => answer?.noteReader(), keptMs: 300_000 }
  const recording = await recordings.open('a', settings)
  answer = new RecordedAnswer(openFlow(signal), { surface, recording, open, timers: runtime.timers })
  const kept = async (after = -1) => {
    const flow = recordings.read('a', after, new CancelSource(runtime))
    const found: string[] = []
    for (let batch = await flow.next(); batch; batch = await flow.next())
      found.push(...batch.map((event) => (event.type === 'gap' ? 'gap' : event.text)))
    return found
  }
  return { runtime, recordings, answer, signal, kept, isClosed: () => isClosed }
}

const scripted =
  (...steps: readonly ScriptedStep<ChatEvent>[]) =>
  () =>
    scriptedFlow<ChatEvent>(...steps)
const numbered = (...said: readonly string[]) => said.map((data, at) => `id: ${at}\ndata: ${data}\n\n`)

test.each([0, 1, 2, 3])('a reader that leaves after %d batches misses nothing', async (read) => {
  const { runtime, answer, kept, isClosed } = await record(scripted([text('a')], [text('b'), text('c')], [text('d')]))
  const seen: string[] = []
  for (let at = 0; at < read; at++) seen.push(...((await answer.next()) ?? []).map((event) => event.text))
  answer.close()
  await runtime.settle()
  await runtime.advance(200)
  expect([...seen, ...(await kept(seen.length - 1))]).toEqual(numbered('a', 'b', 'c', 'd', 'end'))
  expect(isClosed()).toBe(true)
  expect(runtime.timers.size).toBe(0)
})

test('an early failure is thrown, and events before the commit point are not', async () => {
  const early = new ChatError('overloaded', { message: 'early' })
  const { answer } = await record(scripted([text('')], early))
  expect(await answer.next().catch((thrown: unknown) => thrown)).toBe(early)
})

test('a failure is the last event, and is written once', async () => {
  const cut = new ChatError('upstream-failed', { message: 'cut' })
  const { runtime, answer, kept } = await record(scripted([text('a')], cut))
  await answer.next()
  expect(await answer.next().catch((thrown: unknown) => thrown)).toBe(cut)
  expect(answer.error(cut)).toBe('id: 1\ndata: error upstream_error\n\n')
  await runtime.settle()
  expect(await kept()).toEqual(numbered('a', 'error upstream_error'))
})

test('an answer that nobody reads is stopped after a minute, and says so', async () => {
  const { runtime, answer, signal, kept } = await record((signal) => abortable(silentFlow([text('a')]), signal))
  await answer.next()
  const pending = answer.next().catch(() => undefined)
  await runtime.advance(120_000)
  // somebody waits for it: the client itself
  expect(signal.aborted).toBe(false)
  answer.close()
  await runtime.advance(50_000)
  const reading = kept()
  await runtime.advance(50_000)
  expect(signal.aborted).toBe(false)
  await runtime.advance(1_000)
  signal.abort(new ChatError('cancelled', { message: 'end of the test' }))
  await runtime.settle()
  await pending
  expect(await reading).toEqual(numbered('a', 'error client_closed'))
})

test('a minute after its last reader has left, it is stopped', async () => {
  const { runtime, answer, signal, kept } = await record((signal) => abortable(silentFlow([text('a')]), signal))
  await answer.next()
  answer.close()
  await runtime.advance(59_000)
  expect(signal.aborted).toBe(false)
  await runtime.advance(2_000)
  expect(signal.aborted).toBe(true)
  await runtime.advance(200)
  expect(await kept()).toEqual(numbered('a', 'error stream_unread'))
})

/** Fails with the reason of an abort, as every chat does. */
function abortable<Event>(flow: Flow<Event>, signal: CancelSource): Flow<Event> {
  const aborted = Promise.withResolvers<never>()
  aborted.promise.catch(() => undefined)
  signal.onAbort(() => aborted.reject(signal.reason))
  return { next: () => Promise.race([flow.next(), aborted.promise]), close: () => flow.close() }
}
