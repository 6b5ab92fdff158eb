import { ResponseFrames } from '../../src/clients/openai-responses/response-frames.ts'
import { Environment } from '../../src/config/environment.ts'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { responseEvent, responseOf } from '../../src/providers/openai-compatible/emulator/responses-stream.ts'
import { provider } from '../../src/providers/openai-compatible/index.ts'
import { readFrames } from '../../src/wire/read-frames.ts'
import { sseEvent } from '../../src/wire/sse.ts'
import { startHttpRig, streamedFixture } from './http-rig.ts'
import { never } from './in-memory.ts'
import type { Rig } from './subject.ts'
import { wholeFixture } from './whole-fixture.ts'

const folder = new URL('../../src/dialects/openai-responses/fixtures/', import.meta.url)
const key = 'canary5b8e2f7d91c4a036'
const wire = { isEnd: (frame: string) => /^response\.(completed|incomplete)$/.test(typeOf(frame)), write: typedEvent }
const streamed = ['text', 'thought-text-calls', 'custom-tool', 'search', 'only-done-items']
const delta = 'x'.repeat(16_384)

/** An emulated OpenAI, and the provider asking its Responses API with a key. */
export function startOpenaiResponses(): Promise<Rig> {
  return startHttpRig({
    key,
    model: 'gpt-test',
    fixtures: [...streamed.map((name) => streamedFixture(folder, name, wire)), wholeFixture(folder, 'whole')],
    decode: (reply) => readFrames(reply, new ResponseFrames(), never),
    part: responseEvent({
      type: 'response.output_text.delta',
      item_id: 'msg_1',
      output_index: 0,
      content_index: 0,
      delta,
    }),
    leaks,
    async start(reply) {
      const emulator = await emulateOpenai({ keys: [key], respond: ({ model }) => reply(model) })
      const environment = new Environment({
        UPSTREAM_LAB_URL: emulator.url,
        UPSTREAM_LAB_KEY: key,
        UPSTREAM_LAB_API: 'responses',
      })
      const [upstream] = provider.configure(environment)
      if (!upstream) throw new Error('there is no upstream')
      return { emulator, upstream }
    },
  })
}

/** Writes a frame as OpenAI does: its type is also the name of the SSE event. */
function typedEvent(frame: string): string {
  return sseEvent(typeOf(frame), frame)
}

function typeOf(frame: string): string {
  const { type }: { type: string } = JSON.parse(frame)
  return type
}

const error = { code: key, message: `Incorrect API key provided: ${key}` }
const incomplete = { status: 'incomplete', incomplete_details: { reason: key } } as const

/** Replies that reveal the key in members that only this dialect has. */
const leaks = [
  {
    body: [
      responseEvent({ type: 'response.failed', response: responseOf('gpt-test', [], { status: 'failed', error }) }),
    ],
  },
  { body: [responseEvent({ type: 'error', ...error, param: key })] },
  { body: [responseEvent({ type: 'error', error: { ...error, type: key } })] },
  { body: [responseEvent({ type: key })] },
  { body: [responseEvent({ type: 'response.incomplete', response: responseOf('gpt-test', [], incomplete) })] },
]
