import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'

/**
 * Turns a whole message, which a proxy may send in place of a stream, into the events of a stream. Returns undefined for
 * anything else. Anthropic, Messages, response
 */
export function eventsOfMessage(value: unknown): readonly Fields[] | undefined {
  if (!isFields(value) || value.type !== 'message' || !Array.isArray(value.content)) return undefined
  const { content, usage, stop_reason, stop_sequence, stop_details, container } = value
  return [
    { type: 'message_start', message: { usage } },
    ...content.flatMap((block: unknown, index) => (isFields(block) ? eventsOfBlock(block, index) : [])),
    { type: 'message_delta', delta: { stop_reason, stop_sequence, stop_details, container } },
    { type: 'message_stop' },
  ]
}

function eventsOfBlock(block: Fields, index: number): readonly Fields[] {
  const citations: readonly unknown[] = Array.isArray(block.citations) ? block.citations : []
  return [
    { type: 'content_block_start', index, content_block: block },
    ...citations.map((citation) => ({
      type: 'content_block_delta',
      index,
      delta: { type: 'citations_delta', citation },
    })),
    { type: 'content_block_stop', index },
  ]
}
