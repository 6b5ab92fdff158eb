import { MessageFrames } from '../../src/clients/anthropic-messages/message-frames.ts'
import { Environment } from '../../src/config/environment.ts'
import { emulateAnthropic, errorOf, messageEvent } from '../../src/providers/anthropic/emulator/index.ts'
import { provider } from '../../src/providers/anthropic/index.ts'
import { readFrames } from '../../src/wire/read-frames.ts'
import { sseEvent } from '../../src/wire/sse.ts'
import { startHttpRig, streamedFixture } from './http-rig.ts'
import { never } from './in-memory.ts'
import type { Rig } from './subject.ts'
import { wholeFixture } from './whole-fixture.ts'

const folder = new URL('../../src/dialects/anthropic-messages/fixtures/', import.meta.url)
const key = 'canary7e2d94b1a06c5f38'
const wire = { isEnd: (frame: string) => typeOf(frame) === 'message_stop', write: typedEvent }
const streamed = ['text', 'thought-text-call-thought-text', 'redacted-thinking', 'server-tools']
const delta = { type: 'text_delta', text: 'x'.repeat(16_384) }

/** An emulated Anthropic, and the provider asking it with a key. */
export function startAnthropic(): Promise<Rig> {
  return startHttpRig({
    key,
    model: 'claude-test',
    fixtures: [...streamed.map((name) => streamedFixture(folder, name, wire)), wholeFixture(folder, 'whole')],
    decode: (reply) => readFrames(reply, new MessageFrames(), never),
    part: begun() + messageEvent({ type: 'content_block_delta', index: 0, delta }),
    leaks,
    async start(reply) {
      const emulator = await emulateAnthropic({ keys: [key], reply: ({ model }) => reply(model) })
      const environment = new Environment({ ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: emulator.origin })
      const [upstream] = provider.configure(environment)
      if (!upstream) throw new Error('there is no upstream')
      return { emulator, upstream }
    },
  })
}

/** The beginning of a text. A repeated one begins the next block. */
function begun(): string {
  return messageEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } })
}

/** Writes a frame as Anthropic does: its type is also the name of the SSE event. */
function typedEvent(frame: string): string {
  return sseEvent(typeOf(frame), frame)
}

function typeOf(frame: string): string {
  const { type }: { type: string } = JSON.parse(frame)
  return type
}

const json = { 'content-type': 'application/json' }
const error = errorOf(key, `invalid x-api-key: ${key}`)

/** Replies that reveal the key in members that only Anthropic has. */
const leaks = [
  { status: 529, headers: json, body: [JSON.stringify(error)] },
  { body: [sseEvent('error', JSON.stringify(error))] },
  { body: [messageEvent({ type: key })] },
  {
    body: [
      messageEvent({ type: 'message_delta', delta: { stop_reason: key }, usage: { output_tokens: 3 } }),
      messageEvent({ type: 'message_stop' }),
    ],
  },
]
