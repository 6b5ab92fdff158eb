import { cohereEvent } from '../../src/providers/cohere/emulator/index.ts'
import { smitheryChunk } from '../../src/providers/smithery/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { sseData } from '../../src/wire/sse.ts'

/** A call that a scripted model makes: its id, the tool, and the JSON of its arguments. */
export type Called = readonly [id: string, name: string, json: string]

const usage = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 }

/** A value as one event of an OpenAI stream. */
export function chunk(delta: object, finish: string | null = null, more: object = {}): string {
  const about = { id: 'chatcmpl-x', object: 'chat.completion.chunk', created: 1_760_000_000, model: 'm' }
  return sseData(JSON.stringify({ ...about, choices: [{ index: 0, delta, finish_reason: finish }], ...more }))
}

/** An OpenAI model that answers with these texts, each in its own chunk. */
export function saying(...words: readonly string[]): Script {
  const deltas = words.map((content) => chunk({ content }))
  return {
    body: [chunk({ role: 'assistant', content: '' }), ...deltas, chunk({}, 'stop', { usage }), sseData('[DONE]')],
  }
}

/** An OpenAI model that calls tools, after an optional text. */
export function calling(calls: readonly Called[], words = ''): Script {
  const deltas = calls.map(([id, name, json], index) =>
    chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: json } }] }),
  )
  const opening = chunk({ role: 'assistant', content: words })
  return { body: [opening, ...deltas, chunk({}, 'tool_calls', { usage }), sseData('[DONE]')] }
}

/** An OpenAI model that sends a word and is then silent. */
export function stalling(word: string): Script {
  return { body: [chunk({ role: 'assistant', content: word })], ending: 'stall' }
}

/** An OpenAI model that never answers. */
export const silent: Script = { framing: 'raw', ending: 'stall' }

/** A model of Cohere that calls tools. */
export function cohereCalling(calls: readonly Called[]): Script {
  const events = calls.flatMap(([id, name, json], index) => [
    messageEvent(
      'tool-call-start',
      { tool_calls: { id, type: 'function', function: { name, arguments: '' } } },
      { index },
    ),
    messageEvent('tool-call-delta', { tool_calls: { function: { arguments: json } } }, { index }),
    cohereEvent({ type: 'tool-call-end', index }),
  ])
  return { body: [cohereStart, ...events, cohereEnd('TOOL_CALL')] }
}

export function cohereSaying(words: string): Script {
  const content = [
    messageEvent('content-start', { content: { type: 'text', text: '' } }, { index: 0 }),
    messageEvent('content-delta', { content: { text: words } }, { index: 0 }),
    cohereEvent({ type: 'content-end', index: 0 }),
  ]
  return { body: [cohereStart, ...content, cohereEnd('COMPLETE')] }
}

function messageEvent(type: string, message: object, more: object = {}): string {
  return cohereEvent({ type, ...more, delta: { message } })
}

const cohereStart = messageEvent('message-start', { role: 'assistant', content: [] }, { id: 'x' })

function cohereEnd(reason: string): string {
  const counted = { tokens: { input_tokens: 10, output_tokens: 2 } }
  return cohereEvent({ type: 'message-end', id: 'x', delta: { finish_reason: reason, usage: counted } })
}

/** A model of smithery that calls tools. */
export function smitheryCalling(calls: readonly Called[]): Script {
  return smithery(
    calls.map(([toolCallId, toolName, json]) => ({
      type: 'tool-input-available',
      toolCallId,
      toolName,
      input: JSON.parse(json),
    })),
    'tool-calls',
  )
}

export function smitherySaying(words: string): Script {
  const text = [{ type: 'text-start' }, { type: 'text-delta', delta: words }, { type: 'text-end' }]
  return smithery(
    text.map((chunk) => ({ ...chunk, id: 't0' })),
    'stop',
  )
}

function smithery(chunks: readonly { readonly type: string }[], finishReason: string): Script {
  const all = [{ type: 'start' }, ...chunks, { type: 'finish', finishReason }]
  return { body: [...all.map(smitheryChunk), sseData('[DONE]')] }
}
