import { Environment } from '../../src/config/environment.ts'
import { cohereEvent, emulateCohere } from '../../src/providers/cohere/emulator/index.ts'
import { CohereDecoder } from '../../src/providers/cohere/events.ts'
import { provider } from '../../src/providers/cohere/index.ts'
import { readFrames } from '../../src/wire/read-frames.ts'
import { sseEvent } from '../../src/wire/sse.ts'
import { startHttpRig, streamedFixture } from './http-rig.ts'
import { never } from './in-memory.ts'
import type { Rig } from './subject.ts'

const folder = new URL('../../src/providers/cohere/fixtures/', import.meta.url)
const key = 'canary4b8e1f0c7a2d9356'
const wire = { isEnd: (frame: string) => typeOf(frame) === 'message-end', write: typedEvent }
const part = { type: 'content-delta', index: 0, delta: { message: { content: { text: 'x'.repeat(16_384) } } } }

/** Starts an emulated Cohere, and the provider that asks it with a token. */
export function startCohere(): Promise<Rig> {
  return startHttpRig({
    key,
    model: 'command-test',
    fixtures: ['text', 'thinking', 'tool-calls', 'citations'].map((name) => streamedFixture(folder, name, wire)),
    decode: (reply) => readFrames(reply, new CohereDecoder(), never),
    part: cohereEvent(part),
    leaks,
    async start(reply) {
      const emulator = await emulateCohere({ keys: [key], reply: ({ model }) => reply(model) })
      const [upstream] = provider.configure(new Environment({ COHERE_TOKEN: key, COHERE_BASE_URL: emulator.origin }))
      if (!upstream) throw new Error('there is no upstream')
      return { emulator, upstream }
    },
  })
}

/** Writes a frame as Cohere does: its type is also the name of the SSE event. */
function typedEvent(frame: string): string {
  return sseEvent(typeOf(frame), frame)
}

function typeOf(frame: string): string {
  const { type }: { type: string } = JSON.parse(frame)
  return type
}

const messageEnd = (delta: object) => cohereEvent({ type: 'message-end', delta })

/** Replies that reveal the token in fields that only Cohere has. */
const leaks = [
  { status: 498, body: [JSON.stringify({ message: `too many tokens like ${key}` })] },
  { body: [messageEnd({ finish_reason: 'ERROR', error: `no such token: ${key}` })] },
  { body: [messageEnd({ finish_reason: key, usage: { tokens: { input_tokens: key } } })] },
  { body: [sseEvent('error', JSON.stringify({ message: key }))] },
  { body: [cohereEvent({ type: key })] },
]
