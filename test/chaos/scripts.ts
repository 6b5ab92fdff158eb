import type { Script } from '../../src/wire/emulator/script.ts'
import { helloWorld, jsonHeaders, readMs } from './cell.ts'

/** The moment of a fault. */
export type Moment = keyof typeof moments

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_760_000_000,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`

const opening = chunk({ role: 'assistant', content: '' })
const words = ['Hello', ', wor', 'ld.'].map((content) => chunk({ content }))
const finish = chunk({}, 'stop')
const done = 'data: [DONE]\n\n'

/** The bytes before the fault: nothing, a head and a role, some words, the finish, or everything. */
export const moments = {
  A: [],
  B: [opening],
  C: [opening, ...words.slice(0, 2)],
  D: [opening, ...words, finish],
  E: [opening, ...words, finish, done],
} as const satisfies Record<string, readonly string[]>

/** A good answer. */
export const healthy: Script = { body: moments.E }

/** A good answer that comes whole. */
export const wholeText = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_760_000_000,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: helloWorld }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
})

/** Sends the stream up to the moment, then these frames, then the ending. */
export function cutAt(moment: Moment, ending: 'rst' | 'fin' | 'stall', more: readonly string[] = []): Script {
  if (moment === 'A' && more.length === 0) return { framing: 'raw', ending }
  return { body: [...moments[moment], ...more], ending, endDelayMs: readMs }
}

/** Sends the stream up to the moment, then these frames, then the rest of a good answer. */
export function inserted(moment: Moment, ...more: readonly (string | Uint8Array)[]): Script {
  return { body: [...moments[moment], ...more, ...moments.E.slice(moments[moment].length)] }
}

/** Half of an answer that comes whole. */
export function cutWhole(ending: 'rst' | 'fin' | 'stall'): Script {
  return { headers: jsonHeaders, body: [wholeText.slice(0, 90)], ending, endDelayMs: readMs }
}

/** An error body as OpenAI writes it. */
export function refused(status: number, error: object, headers: Readonly<Record<string, string>> = {}): Script {
  return { status, headers: { ...jsonHeaders, ...headers }, body: [JSON.stringify({ error })] }
}
