import type { Fields } from '../../chat/message.ts'
import { isFields } from '../../dialects/fields.ts'

/**
 * Turns a whole answer, which a proxy sends in place of a stream, into the events of a stream. Returns undefined for
 * anything else.
 * Cohere, Chat v2 response
 */
export function eventsOfWhole(value: unknown): Fields[] | undefined {
  if (!isFields(value) || 'type' in value || !isFields(value.message)) return undefined
  const { content, tool_plan, tool_calls, citations } = value.message
  return [
    ...(tool_plan ? [{ type: 'tool-plan-delta', delta: { message: { tool_plan } } }] : []),
    ...partsOf(content).map((part) => ({ type: 'content-delta', delta: { message: { content: part } } })),
    ...listOf(tool_calls).flatMap((call, index) => [
      { type: 'tool-call-start', index, delta: { message: { tool_calls: call } } },
      { type: 'tool-call-end', index },
    ]),
    ...listOf(citations).map((citation) => ({ type: 'citation-start', delta: { message: { citations: citation } } })),
    { type: 'message-end', delta: { finish_reason: value.finish_reason, usage: value.usage } },
  ]
}

function partsOf(content: unknown): readonly unknown[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : listOf(content)
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
