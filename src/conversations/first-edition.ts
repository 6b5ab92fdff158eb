import type { Extras, Fields, Part, ToolCallPart } from '../chat/message.ts'
import type { Status, StoredAssistantMessage, StoredMessage } from './stored-message.ts'

/** An answer of the first edition, whose parts had no order. */
interface FirstEditionAnswer {
  readonly id: string
  readonly createdAt: string
  readonly status: Status
  readonly role: 'assistant'
  readonly model: string
  readonly content: string
  readonly metadata?: Fields
  readonly reasoning?: string
  /** The extra fields of the reasoning, in the only dialect of that time. */
  readonly reasoningExtra?: Fields
  readonly extra?: Extras
  readonly toolCalls: readonly Omit<ToolCallPart, 'type'>[]
}

/** A stored message of any edition. */
export type AnyEditionMessage = StoredMessage | FirstEditionAnswer

/** Converts a stored message of any edition to the current form. */
export function readMessage(message: AnyEditionMessage): StoredMessage {
  return message.role === 'assistant' && 'toolCalls' in message ? readAnswer(message) : message
}

function readAnswer(answer: FirstEditionAnswer): StoredAssistantMessage {
  const { content, reasoning, reasoningExtra, toolCalls, ...others } = answer
  const thoughts: Part[] = reasoning
    ? [{ type: 'reasoning', text: reasoning, ...(reasoningExtra && { extra: { 'openai-chat': reasoningExtra } }) }]
    : []
  const texts: Part[] = content === '' ? [] : [{ type: 'text', text: content }]
  const calls = toolCalls.map((call): Part => ({ type: 'tool-call', ...call }))
  return { ...others, parts: [...thoughts, ...texts, ...calls] }
}
