import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'

/** Longer conversations are read at once, by the full reader. */
const maxMessages = 10_000

/**
 * Whether the system prompt and the messages of a body have the documented form, so that they can be read without a fault, and
 * Anthropic accepts them as they are. Nearly all have it, and this check takes a tenth of the time of the full reader.
 */
export function isPlainConversation({ system, messages }: Fields): boolean {
  if (!Array.isArray(messages) || messages.length === 0 || messages.length > maxMessages) return false
  if (system !== undefined && typeof system !== 'string' && !isList(system, isText)) return false
  const calls: CallIds = {}
  for (const message of messages) if (!isPlainMessage(message, calls)) return false
  return true
}

/** The ids of the calls so far. Most requests have none. */
interface CallIds {
  known?: Set<string>
}

function isPlainMessage(message: unknown, calls: CallIds): boolean {
  if (!isFields(message)) return false
  const { role, content } = message
  switch (role) {
    case 'user':
      return isWords(content) || (isList(content, (block) => isOfUser(block, calls)) && hasOneResultEach(content))
    case 'assistant':
      return isWords(content) || isList(content, (block) => isOfAssistant(block, calls))
    case 'system':
      return isWords(content) || isList(content, isText)
    default:
      return false
  }
}

function isWords(content: unknown): boolean {
  return typeof content === 'string' && content !== ''
}

function isList(content: unknown, isPlain: (block: Fields) => boolean): boolean {
  if (!Array.isArray(content) || content.length === 0) return false
  for (const block of content) if (!isFields(block) || !isPlain(block)) return false
  return true
}

function isText({ type, text }: Fields): boolean {
  return type === 'text' && isWords(text)
}

function isOfUser(block: Fields, calls: CallIds): boolean {
  if (block.type !== 'tool_result') return isText(block) || isPicture(block)
  const { tool_use_id: id, content } = block
  if (typeof id !== 'string' || !calls.known?.has(id)) return false
  return content === undefined || typeof content === 'string' || isList(content, isInResult)
}

function hasOneResultEach(content: unknown): boolean {
  if (!Array.isArray(content) || content.length < 2) return true
  const ids = content.flatMap(({ type, tool_use_id }) => (type === 'tool_result' ? [tool_use_id] : []))
  return new Set(ids).size === ids.length
}

function isInResult(block: Fields): boolean {
  return isText(block) || isPicture(block) || block.type === 'tool_reference'
}

function isPicture({ type, source }: Fields): boolean {
  return type === 'image' && isFields(source)
}

/** The ids that Anthropic accepts. It accepts none twice. Anthropic, Messages, `tool_use.id` */
const acceptedId = /^[a-zA-Z0-9_-]+$/

function isOfAssistant(block: Fields, calls: CallIds): boolean {
  switch (block.type) {
    case 'tool_use': {
      const { id, name, input } = block
      if (typeof id !== 'string' || !acceptedId.test(id) || calls.known?.has(id)) return false
      calls.known ??= new Set()
      calls.known.add(id)
      return typeof name === 'string' && isFields(input)
    }
    case 'thinking':
      return typeof block.thinking === 'string' && typeof block.signature === 'string' && block.signature !== ''
    case 'redacted_thinking':
      return typeof block.data === 'string'
    default:
      return isText(block)
  }
}
