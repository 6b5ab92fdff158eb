import type { Fields, Message } from '../../chat/message.ts'
import { textOf } from '../../chat/message.ts'
import { encodeBlock, encodeResult, textBlock } from './encode-blocks.ts'
import { ToolIds } from './tool-ids.ts'

/** A message of a request. */
export interface WireTurn {
  readonly role: 'user' | 'assistant'
  readonly content: readonly Fields[]
}

interface WireConversation {
  readonly system: readonly Fields[]
  readonly messages: readonly WireTurn[]
}

/**
 * Writes the conversation. Instructions at its beginning are the system prompt, and later ones become reminders in the user's
 * messages.
 * @throws ChatError `unsupported` for a part that Anthropic has no block for
 */
export function encodeConversation(messages: readonly Message[]): WireConversation {
  const first = messages.findIndex((message) => !isInstructions(message))
  const system = messages
    .slice(0, first === -1 ? messages.length : first)
    .flatMap(({ content }) => content.flatMap(encodeBlock))
  // Anthropic refuses a request without messages
  if (first === -1) return { system: [], messages: [{ role: 'user', content: system }] }
  return { system, messages: encodeTurns(messages.slice(first)) }
}

/**
 * Writes messages. Neighbours of one role become one message, in which the results of tools stand first, because Anthropic
 * expects them directly after their calls.
 */
export function encodeTurns(messages: readonly Message[]): readonly WireTurn[] {
  const turns: { readonly role: WireTurn['role']; readonly results: Fields[]; readonly others: Fields[] }[] = []
  const ids = new ToolIds()
  for (const message of messages) {
    const [results, others] = blocksOf(withOwnIds(message, ids))
    if (results.length + others.length === 0) continue
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const last = turns.at(-1)
    if (last?.role !== role) turns.push({ role, results: [...results], others: [...others] })
    else {
      last.results.push(...results)
      last.others.push(...others)
    }
  }
  return turns.map(({ role, results, others }) => ({ role, content: [...results, ...others] }))
}

function withOwnIds(message: Message, ids: ToolIds): Message {
  if (message.role === 'tool') return { ...message, toolCallId: ids.ofResult(message.toolCallId) }
  if (message.role !== 'assistant') return message
  const content = message.content.map((part) =>
    part.type === 'tool-call' ? { ...part, id: ids.ofCall(part.id) } : part,
  )
  return { ...message, content }
}

function blocksOf(message: Message): readonly [results: readonly Fields[], others: readonly Fields[]] {
  if (message.role === 'tool') return [[encodeResult(message)], []]
  if (!isInstructions(message)) return [[], message.content.flatMap(encodeBlock)]
  const text = textOf(message.content)
  return [[], text.trim() === '' ? [] : textBlock(`<system-reminder>\n${text}\n</system-reminder>`)]
}

function isInstructions({ role }: Message): boolean {
  return role === 'system' || role === 'developer'
}
