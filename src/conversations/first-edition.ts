import type { Extras, Fields, Part, ToolCallPart } from '../chat/message.ts'
import type { Status, StoredAssistantMessage, StoredMessage } from './stored-message.ts'

/** An answer as it was kept before its parts had an order. */
interface FirstEditionAnswer {
  readonly id: string
  readonly createdAt: string
  readonly status: Status
  readonly role: 'assistant'
  readonly model: string
  readonly content: string
  readonly metadata?: Fields
  readonly reasoning?: string
  /** What the reasoning had to be handed back with, in the one dialect there was. */
  readonly reasoningExtra?: Fields
  readonly extra?: Extras
  readonly toolCalls: readonly Omit<ToolCallPart, 'type'>[]
}

/** A message as a store may have it. */
export type AnyEditionMessage = StoredMessage | FirstEditionAnswer

/** A message as it is kept now, of whichever edition it is. */
export function readMessage(message: AnyEditionMessage): StoredMessage {
  return message.role === 'assistant' && 'toolCalls' in message ? readAnswer(message) : message
}

function readAnswer(answer: FirstEditionAnswer): StoredAssistantMessage {
  const { content, reasoning, reasoningExtra, toolCalls, ...others } = answer
  const thoughts: Part[] = reasoning
    ? [{ type: 'reasoning', text: reasoning, ...(reasoningExtra && { extra: { 'openai-chat': reasoningExtra } }) }]
    : []
  const words: Part[] = content === '' ? [] : [{ type: 'text', text: content }]
  const calls = toolCalls.map((call): Part => ({ type: 'tool-call', ...call }))
  return { ...others, parts: [...thoughts, ...words, ...calls] }
}
