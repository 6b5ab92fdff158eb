import { blocksOf, type MessagesBody } from './body.ts'

/** A block of an answer. */
export type AnswerBlock =
  | { readonly type: 'text'; readonly text: string; readonly citations?: readonly object[] | null }
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'redacted_thinking'; readonly data: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: object }

/** The emulated model's answer, before it is written as events or as one message. */
export interface WrittenMessage {
  readonly model: string
  readonly content: readonly AnswerBlock[]
  readonly stop_reason: 'end_turn' | 'max_tokens' | 'tool_use'
  readonly usage: object
}

/** The signature of all thinking. The emulator accepts no other one. */
export const signature = 'RW11bGF0ZWQrc2lnbmF0dXJlLzE9PQ=='

/** Writes an answer: thinking if the request wants it, tool calls if the message asks for them, otherwise an echo. */
export function writeMessage(body: MessagesBody): WrittenMessage {
  const calls = callsFor(body)
  const all = calls.length > 0 ? [] : wordsFor(body)
  const words = all.slice(0, body.max_tokens)
  const isThinking = body.thinking?.type === 'enabled' || body.thinking?.type === 'adaptive'
  const stop_reason = calls.length > 0 ? 'tool_use' : words.length < all.length ? 'max_tokens' : 'end_turn'
  return {
    model: body.model,
    content: [
      ...(isThinking ? [{ type: 'thinking', thinking: 'Let me think.', signature } as const] : []),
      ...(words.length > 0 ? [{ type: 'text', text: words.join('') } as const] : []),
      ...calls,
    ],
    stop_reason,
    usage: {
      input_tokens: 7,
      cache_creation_input_tokens: 3,
      cache_read_input_tokens: 2,
      output_tokens: words.length + 1,
      service_tier: 'standard',
    },
  }
}

function callsFor({ tools = [], tool_choice: choice, messages }: MessagesBody): AnswerBlock[] {
  const known = tools.map(({ name }) => String(name))
  const last = messages.at(-1)
  const block = last && blocksOf(last).at(-1)
  if (choice?.type === 'none' || !block || block.type === 'tool_result') return []
  const [verb, ...names] = 'text' in block ? String(block.text).split(' ') : []
  const called = verb === 'call' ? names.filter((name) => known.includes(name)) : []
  const forced =
    choice?.type === 'tool' ? [choice.name] : choice?.type === 'any' && called.length === 0 ? known.slice(0, 1) : called
  return forced.map((name, at) => ({ type: 'tool_use', id: `toolu_${name}_${at + 1}`, name, input: { city: 'Paris' } }))
}

function wordsFor({ output_config: output, messages }: MessagesBody): string[] {
  const said = lastText(messages)
  return output?.format ? [JSON.stringify({ said })] : (`You said: ${said}`.match(/\s*\S+/g) ?? [])
}

function lastText(messages: MessagesBody['messages']): string {
  const last = messages.findLast(({ role }) => role === 'user')
  const blocks = last ? blocksOf(last) : []
  return blocks
    .map((block) => ('text' in block ? String(block.text) : (resultText(block) ?? `[${block.type}]`)))
    .join(' ')
}

function resultText(block: object): string | undefined {
  if (!('content' in block)) return undefined
  if (typeof block.content === 'string') return block.content
  const parts: readonly unknown[] = Array.isArray(block.content) ? block.content : []
  return parts.map((part) => (part instanceof Object && 'text' in part ? String(part.text) : '')).join('')
}

type EmulatedEvent = { readonly type: string; readonly [field: string]: unknown }

/** Writes the answer as one message. Anthropic, Messages, response */
export function messageOf(id: string, { model, content, stop_reason, usage }: WrittenMessage): object {
  const blocks = content.map((block) => (block.type === 'text' ? { citations: null, ...block } : block))
  return { id, type: 'message', role: 'assistant', model, content: blocks, stop_reason, stop_sequence: null, usage }
}

/** Writes the answer as the events of a stream, each text word by word. Anthropic, Streaming Messages */
export function eventsOf(id: string, message: WrittenMessage): EmulatedEvent[] {
  const { model, content, stop_reason, usage } = message
  const begun = { id, type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null }
  return [
    { type: 'message_start', message: { ...begun, usage: { ...usage, output_tokens: 1 } } },
    { type: 'ping' },
    ...content.flatMap((block, index) => [
      { type: 'content_block_start', index, content_block: openBlock(block) },
      ...deltasOf(block).map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ]
}

function openBlock(block: AnswerBlock): object {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: '' }
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'tool_use':
      return { ...block, input: {} }
    case 'redacted_thinking':
      return block
  }
}

function deltasOf(block: AnswerBlock): object[] {
  switch (block.type) {
    case 'text': {
      const citations = (block.citations ?? []).map((citation) => ({ type: 'citations_delta', citation }))
      return [...piecesOf(block.text).map((text) => ({ type: 'text_delta', text })), ...citations]
    }
    case 'thinking': {
      const thoughts = piecesOf(block.thinking).map((thinking) => ({ type: 'thinking_delta', thinking }))
      return [...thoughts, { type: 'signature_delta', signature: block.signature }]
    }
    case 'redacted_thinking':
      return []
    case 'tool_use': {
      const json = JSON.stringify(block.input)
      const middle = Math.ceil(json.length / 2)
      return ['', json.slice(0, middle), json.slice(middle)].map((partial_json) => ({
        type: 'input_json_delta',
        partial_json,
      }))
    }
  }
}

function piecesOf(text: string): readonly string[] {
  return text.match(/\s*\S+/g) ?? []
}
