import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import { CancelSource } from '../../flow/cancel.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { readJsonBody } from './read-body.ts'

/** Reads a body that states its length, of which only the first byte comes. */
function readDripping(length: number | undefined) {
  const runtime = new ManualRuntime()
  const signal = new CancelSource(runtime)
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(Uint8Array.of(0x7b)) })
  const headers = length === undefined ? {} : { 'content-length': String(length) }
  const request = new Request('http://localhost/', { method: 'POST', headers, body })
  const outcome: { error?: unknown; tookMs?: number } = {}
  const startedAt = runtime.elapsed()
  const reading = readJsonBody(request, { maxBytes: 1_000_000, signal }).catch((thrown: unknown) => {
    outcome.error = thrown
    outcome.tookMs = runtime.elapsed() - startedAt
  })
  return { runtime, signal, outcome, reading }
}

/** The whole seconds until a dripping body is refused. */
async function secondsUntilRefused(length: number | undefined): Promise<number | undefined> {
  const { runtime, signal, outcome, reading } = readDripping(length)
  while (outcome.error === undefined) await runtime.advance(1_000)
  await reading
  expect(outcome.error).toBeInstanceOf(ChatError)
  expect(outcome.error).toMatchObject({ reason: 'too-slow' })
  expect([runtime.timers.size, signal.followers]).toEqual([0, 0])
  return Math.floor((outcome.tookMs ?? Number.NaN) / 1_000)
}

const kib = 1024

describe('a body that only drips', () => {
  test('is refused when the time that its length allows is over', async () => {
    expect(await secondsUntilRefused(kib)).toBe(11)
    expect(await secondsUntilRefused(32 * kib)).toBe(42)
  })

  test('is refused soon if it is longer, or if its length is not known', async () => {
    expect(await secondsUntilRefused(33 * kib)).toBeLessThan(15)
    expect(await secondsUntilRefused(undefined)).toBeLessThan(15)
  })

  test('is given up at once when its call is aborted', async () => {
    const { runtime, signal, outcome, reading } = readDripping(32 * kib)
    const reason = new ChatError('cancelled', { message: 'enough' })
    signal.abort(reason)
    await reading
    expect(outcome.error).toBe(reason)
    expect(runtime.timers.size).toBe(0)
  })
})
