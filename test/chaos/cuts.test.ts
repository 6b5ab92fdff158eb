/** P1 over HTTP: a stream that its upstream did not finish never looks finished to a client. */
import { afterAll, describe, expect, test } from 'bun:test'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { isFull } from '../sizes.ts'
import { each } from '../waiting.ts'
import { type Answered, askByHand } from './client.ts'
import { startGateway, upstreamAt } from './gateway.ts'
import { moments } from './scripts.ts'

const bytes = new TextEncoder().encode(moments.E.join(''))
const lengthOf = (parts: readonly string[]) => new TextEncoder().encode(parts.join('')).byteLength
/** Number of bytes up to the end of the first event and of the finish. The blank line may be missing if a body ends well. */
const [opened, finished] = [lengthOf(moments.C.slice(0, 2)), lengthOf(moments.D)]
/** Milliseconds within which all bytes are read. The longer times are for a machine that has paused. */
const readMs = [60, 300, 1_500] as const

/** Offsets around the end of each event and in its middle. With TRIBUTARY_TEST_FULL=1 it is every offset. */
const offsets = isFull
  ? Array.from({ length: bytes.byteLength + 1 }, (_, sent) => sent)
  : moments.E.flatMap((event, at) => {
      const end = lengthOf(moments.E.slice(0, at + 1))
      return [end - Math.floor(event.length / 2), end - 2, end - 1, end, end + 1]
    })
      .concat(0, 1)
      .filter((sent) => sent <= bytes.byteLength)

const scriptOf = (model: string): Script => {
  const [ending = '', sent = '', delay = ''] = model.split('-').slice(1)
  const script = { body: [bytes.subarray(0, Number(sent))].filter((part) => part.byteLength > 0) }
  const endDelayMs = Number(sent) >= opened - 2 ? Number(delay) : 0
  if (ending === 'close') return { ...script, framing: 'close', ending: 'fin', endDelayMs }
  return { ...script, ending: ending === 'rst' || ending === 'fin' ? ending : 'stall', endDelayMs }
}

const emulator = await emulateOpenai({ reply: ({ model }) => scriptOf(model) })
const { UPSTREAM_CUT_MODELS: _, ...upstream } = upstreamAt('cut', emulator.url)
const gateway = startGateway({ ...upstream, API_REQUEST_TIMEOUT: '1', STREAM_IDLE_TIMEOUT: '1' })
afterAll(() => Promise.all([gateway.close(), emulator.close()]))

describe(`P1: a stream that is cut at ${offsets.length} offsets`, () => {
  const atOnce = { rst: 8, fin: 8, close: 8, stall: 180 } as const
  for (const ending of ['rst', 'fin', 'close', 'stall'] as const) {
    test.concurrent(ending, () =>
      each(offsets, atOnce[ending], async (sent) => {
        const askWith = (ms: number) => askByHand(gateway.url, `cut/-${ending}-${sent}-${ms}`)
        let answer = await askWith(readMs[0])
        for (const ms of readMs.slice(1)) if (lacksWhatWasSent(sent, answer)) answer = await askWith(ms)
        expectHonest(sent, answer)
      }),
    )
  }
})

function lacksWhatWasSent(sent: number, { status, dones }: Answered): boolean {
  return (sent >= opened && status !== 200) || (sent >= finished && dones === 0)
}

function expectHonest(sent: number, answer: Answered): void {
  const seen = { sent, status: answer.status, dones: answer.dones, errors: answer.errors.length }
  const finishes = answer.chunks.filter(({ choices }) => choices?.[0]?.finish_reason).length
  if (sent >= finished) {
    expect({ ...seen, finishes }).toEqual({ sent, status: 200, dones: 1, errors: 0, finishes: 1 })
    return
  }
  // between a frame's last brace and its blank line both results are right
  if (sent >= finished - 2) {
    expect(answer.dones + answer.errors.length).toBe(1)
    return
  }
  expect({ ...seen, finishes }).toMatchObject({ dones: 0, errors: 1, finishes: 0 })
  if (sent < opened - 2) expect([502, 504]).toContain(answer.status)
  if (sent >= opened) expect(answer.status).toBe(200)
}
