import type { SmitheryBody } from './body.ts'

/** A chunk of the UI message stream. */
export type Chunk = { readonly type: string; readonly [field: string]: unknown }

/** The emulated model's answer: tool calls if the message asks for them, otherwise an echo. */
export function answerTo(chat: SmitheryBody): readonly Chunk[] {
  const calls = callsFor(chat)
  const words = calls.length > 0 ? [] : (`You said: ${lastText(chat)}`.match(/\s*\S+/g) ?? [])
  const isThinking = chat.reasoningEffort !== undefined && chat.reasoningEffort !== 'minimal'
  const outputTokens = words.length + 1
  return [
    { type: 'start', messageId: 'emulated' },
    { type: 'start-step' },
    ...(isThinking ? block('reasoning', ['Let me', ' think.']) : []),
    ...(words.length > 0 ? block('text', words) : []),
    ...calls.flatMap((name, at) => callChunks(`${name}_${chat.messages.length}_${at + 1}`, name, at === 0)),
    { type: 'finish-step' },
    {
      type: 'finish',
      finishReason: calls.length > 0 ? 'tool-calls' : 'stop',
      messageMetadata: { usage: { inputTokens: 7, outputTokens, totalTokens: 7 + outputTokens }, model: chat.model },
    },
  ]
}

function block(kind: 'text' | 'reasoning', pieces: readonly string[]): Chunk[] {
  const id = kind === 'text' ? 't0' : 'r0'
  return [
    { type: `${kind}-start`, id },
    ...pieces.map((delta) => ({ type: `${kind}-delta`, id, delta })),
    { type: `${kind}-end`, id },
  ]
}

/** The chunks of a call. The first call of an answer comes piece by piece, the others whole. */
function callChunks(toolCallId: string, toolName: string, isStreamed: boolean): Chunk[] {
  const whole = { type: 'tool-input-available', toolCallId, toolName, input: { city: 'Paris' } }
  if (!isStreamed) return [whole]
  return [
    { type: 'tool-input-start', toolCallId, toolName },
    ...['{"ci', 'ty":"Pa', 'ris"}'].map((inputTextDelta) => ({ type: 'tool-input-delta', toolCallId, inputTextDelta })),
    whole,
  ]
}

function callsFor(chat: SmitheryBody): string[] {
  const known = chat.tools.map(({ name }) => name)
  if (chat.messages.at(-1)?.role !== 'user') return []
  const [verb, ...names] = lastText(chat).split(' ')
  const called = verb === 'call' ? names.filter((name) => known.includes(name)) : []
  return chat.toolChoice === 'required' && called.length === 0 ? known.slice(0, 1) : called
}

/** The last text of the user, or the last result of a tool. */
function lastText({ messages }: SmitheryBody): string {
  const parts = messages.at(-1)?.parts ?? []
  return parts
    .flatMap((part) => {
      if (part.type === 'text') return 'text' in part ? [part.text] : []
      if ('mediaType' in part) return [`[${part.mediaType}]`]
      return 'output' in part ? part.output.content.map(({ text }) => text) : []
    })
    .join(' ')
}
