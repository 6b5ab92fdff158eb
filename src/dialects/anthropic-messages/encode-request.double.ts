import type { Fields, Message, Part, ToolMessage } from '../../chat/message.ts'
import { textOf } from '../../chat/message.ts'
import { type ChatRequest, type OfferedTool, schemaOf } from '../../chat/request.ts'
import { dialect } from './decode-frames.double.ts'

/** Writes a request for the Messages API, as far as the tests of the laws need it. */
export function encodeMessagesRequest({ model, messages, parameters }: ChatRequest): Fields {
  const { maxTokens = 4_096, stop, tools = [] } = parameters
  const system = messages.flatMap((message) => (isInstructions(message) ? [textOf(message.content)] : []))
  const functions = tools.flatMap(encodeTool)
  return {
    model,
    max_tokens: maxTokens,
    stream: true,
    ...(system.length > 0 && { system: system.map((text) => ({ type: 'text', text })) }),
    messages: joinTurns(messages.filter((message) => !isInstructions(message))),
    ...(functions.length > 0 && { tools: functions }),
    ...(stop !== undefined && { stop_sequences: typeof stop === 'string' ? [stop] : stop }),
  }
}

function isInstructions({ role }: Message): boolean {
  return role === 'system' || role === 'developer'
}

interface MessagesTurn {
  readonly role: 'user' | 'assistant'
  readonly content: readonly Fields[]
}

/** Joins neighbouring messages of one role: tool results and the next user message become one message. */
function joinTurns(messages: readonly Message[]): readonly MessagesTurn[] {
  const joined: MessagesTurn[] = []
  for (const message of messages) {
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const content = message.role === 'tool' ? [toolResult(message)] : message.content.flatMap(encodePart)
    const last = joined.at(-1)
    if (last?.role === role) joined[joined.length - 1] = { role, content: [...last.content, ...content] }
    else joined.push({ role, content })
  }
  return joined
}

function toolResult({ toolCallId, isError, content }: ToolMessage): Fields {
  return {
    type: 'tool_result',
    tool_use_id: toolCallId,
    content: content.flatMap(encodePart),
    ...(isError && { is_error: true }),
  }
}

/** Skips empty texts, and reasoning without Anthropic's own signature, because Anthropic refuses both. */
function encodePart(part: Part): readonly Fields[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }]
    case 'reasoning':
      return thinking(part.text, part.extra?.[dialect])
    case 'tool-call':
      return [{ type: 'tool_use', id: part.id, name: part.name, input: JSON.parse(part.arguments) }]
    default:
      return []
  }
}

function thinking(text: string, own: Fields | undefined): readonly Fields[] {
  if (own?.redacted !== undefined) return [{ type: 'redacted_thinking', data: own.redacted }]
  return own?.signature === undefined ? [] : [{ type: 'thinking', thinking: text, signature: own.signature }]
}

function encodeTool(tool: OfferedTool): readonly Fields[] {
  if (tool.type === 'foreign') return []
  const { name, description } = tool
  return [{ name, ...(description !== undefined && { description }), input_schema: schemaOf(tool) }]
}
