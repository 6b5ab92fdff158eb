import { describe, expect, test } from 'bun:test'
import { CancelSource } from '../../flow/cancel.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { sleep } from '../../flow/wait.ts'
import { drainReader } from './drain-body.ts'

/** Drains a body of `bytes` bytes. Each byte arrives `everyMs` milliseconds after it is read. */
async function drain(bytes: number, everyMs: number) {
  const runtime = new ManualRuntime()
  const never = new CancelSource(runtime)
  const seen = { read: 0, isGivenUp: false, tookMs: 0 }
  const reader = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (seen.read === bytes) return controller.close()
        await sleep(everyMs, never)
        if (seen.isGivenUp) return
        seen.read++
        controller.enqueue(Uint8Array.of(0))
      },
      cancel() {
        seen.isGivenUp = true
      },
    },
    { highWaterMark: 0 },
  ).getReader()
  let isOver = false
  const startedAt = runtime.elapsed()
  const draining = drainReader(reader, runtime).then(() => {
    isOver = true
    seen.tookMs = runtime.elapsed() - startedAt
  })
  while (!isOver) await runtime.advance(100)
  await draining
  return seen
}

describe('a refused body is read', () => {
  test('to its end, also over a slow connection with half a second between two windows', async () => {
    expect(await drain(4, 500)).toEqual({ read: 4, isGivenUp: false, tookMs: 2_000 })
  })

  test('until no more bytes come', async () => {
    expect(await drain(2, 10_000)).toEqual({ read: 0, isGivenUp: true, tookMs: 1_000 })
  })

  test('only for a moment, even if bytes keep coming', async () => {
    expect(await drain(10_000, 200)).toEqual({ read: 15, isGivenUp: true, tookMs: 3_000 })
  })
})
