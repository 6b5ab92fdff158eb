import { describe, expect, test } from 'bun:test'
import { sleep } from '../../flow/wait.ts'
import { machine, newCancel } from '../../wire/machine.double.ts'
import { drainReader } from './drain-body.ts'

const never = newCancel()

/** A body of so many bytes, each of which comes so many milliseconds after it was asked for. */
function bodyOf(bytes: number, everyMs: number) {
  const seen = { read: 0, isGivenUp: false }
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
  return { reader, seen }
}

describe('a body that is refused is read', () => {
  test('to its end, also from far away, where there is half a second between two windows', async () => {
    const { reader, seen } = bodyOf(4, 500)
    await drainReader(reader, machine)
    expect(seen).toEqual({ read: 4, isGivenUp: false })
  })

  test('until nothing more comes', async () => {
    const { reader, seen } = bodyOf(2, 10_000)
    await drainReader(reader, machine)
    expect(seen).toEqual({ read: 0, isGivenUp: true })
  })

  test('for a moment only, however much comes', async () => {
    const { reader, seen } = bodyOf(10_000, 200)
    await drainReader(reader, machine)
    expect(seen.isGivenUp).toBe(true)
  })
})
