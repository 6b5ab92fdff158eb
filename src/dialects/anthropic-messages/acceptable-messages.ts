import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'
import { ToolIds } from './tool-ids.ts'

/**
 * Returns a body whose messages Anthropic accepts, although earlier answers in them may have come from other upstreams: thinking
 * without a signature is left out, and calls have ids as Anthropic wants them. Everything else stays as it came, so
 * that a body without such a fault is returned itself.
 */
export function acceptableBody(body: Fields): Fields {
  const { messages } = body
  if (!Array.isArray(messages)) return body
  const ids = new ToolIds()
  const acceptable = messages.flatMap((message) => acceptableMessage(message, ids))
  return isSame(acceptable, messages) ? body : { ...body, messages: acceptable }
}

/** A message of thinking alone is left out with it. */
function acceptableMessage(message: unknown, ids: ToolIds): readonly unknown[] {
  if (!isFields(message) || !Array.isArray(message.content) || message.content.length === 0) return [message]
  const content = message.content.flatMap((block) => (isFields(block) ? acceptableBlock(block, ids) : [block]))
  if (isSame(content, message.content)) return [message]
  return content.length > 0 ? [{ ...message, content }] : []
}

function acceptableBlock(block: Fields, ids: ToolIds): readonly Fields[] {
  const { type, id, tool_use_id, signature } = block
  if (type === 'thinking' && (signature === undefined || signature === '')) return []
  if (type === 'tool_use' && typeof id === 'string') return [withId(block, 'id', ids.ofCall(id))]
  if (type !== 'tool_result' || typeof tool_use_id !== 'string') return [block]
  return [withId(block, 'tool_use_id', ids.ofResult(tool_use_id))]
}

function withId(block: Fields, name: string, id: string): Fields {
  return block[name] === id ? block : { ...block, [name]: id }
}

function isSame(changed: readonly unknown[], given: readonly unknown[]): boolean {
  return changed.length === given.length && changed.every((each, at) => each === given[at])
}
