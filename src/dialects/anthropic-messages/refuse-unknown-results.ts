import { isFields } from '../fields.ts'
import { refusedBody } from '../invalid-request.ts'

/**
 * Refuses a result of a call that is not in the messages before it, because every service refuses it.
 * @param messages messages that have been read
 * @throws ChatError `invalid-request`
 */
export function refuseUnknownResults(messages: unknown): void {
  if (!Array.isArray(messages)) return
  const calls = new Set<unknown>()
  for (const [at, message] of messages.entries()) {
    const content: readonly unknown[] = isFields(message) && Array.isArray(message.content) ? message.content : []
    for (const [place, block] of content.entries()) {
      if (!isFields(block)) continue
      if (block.type === 'tool_use') calls.add(block.id)
      if (block.type !== 'tool_result' || calls.has(block.tool_use_id)) continue
      throw refusedBody({
        path: ['messages', at, 'content', place, 'tool_use_id'],
        problem: 'must be the id of a call ("tool_use") in an earlier message',
        code: 'invalid_value',
      })
    }
  }
}
