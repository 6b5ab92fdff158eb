import type { KnownEvents } from '../../chat/drift-watch.ts'
import { isFields } from '../fields.ts'

/** The types of blocks that are kept whole, because a client of another dialect has no place for them. Anthropic, Messages, `content` */
const otherBlocks = [
  'redacted_thinking',
  'server_tool_use',
  'mcp_tool_use',
  '*_tool_result',
  'container_upload',
  'compaction',
  'fallback',
]

/** The events of a streamed message, and what is needed of them. Anthropic, Streaming Messages */
export const knownEvents: KnownEvents = {
  '': { type: 'string' },
  message_start: { message: 'object', 'message.usage?': 'object' },
  content_block_start: { 'content_block.type': 'string' },
  'content_block_start.text': {},
  'content_block_start.thinking': {},
  'content_block_start.tool_use': { 'content_block.name': 'string' },
  ...Object.fromEntries(otherBlocks.map((type) => [`content_block_start.${type}`, {}])),
  content_block_delta: { 'delta.type': 'string' },
  'content_block_delta.text_delta': { 'delta.text': 'string' },
  'content_block_delta.thinking_delta': { 'delta.thinking': 'string' },
  'content_block_delta.signature_delta': { 'delta.signature': 'string' },
  'content_block_delta.input_json_delta': { 'delta.partial_json': 'string' },
  'content_block_delta.citations_delta': { 'delta.citation': 'object' },
  'content_block_delta.compaction_delta': {},
  content_block_stop: {},
  message_delta: { delta: 'object', 'usage?': 'object' },
  message_stop: {},
  ping: {},
  error: {},
}

/** The name of an event: its type, with the type of its block or of its delta. */
export function nameOf(value: unknown): string {
  if (!isFields(value) || typeof value.type !== 'string') return ''
  const { type, content_block: block, delta } = value
  const inner = type === 'content_block_start' ? block : type === 'content_block_delta' ? delta : undefined
  return isFields(inner) && typeof inner.type === 'string' ? `${type}.${inner.type}` : type
}
