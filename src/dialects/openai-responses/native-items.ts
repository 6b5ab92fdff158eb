import type { Fields } from '../../chat/message.ts'
import { isFields, rest } from '../fields.ts'
import { callIdFor } from './call-id.ts'
import type { KeptMessages, NativeParts } from './native-response.ts'
import { encodeReasoning } from './own-reasoning.ts'

/**
 * Items that say everything themselves. Their ids are the client's or the gateway's own, and OpenAI refuses an id that it
 * would have given another form.
 */
const selfContained: ReadonlySet<unknown> = new Set([
  undefined,
  'message',
  'function_call',
  'function_call_output',
  'custom_tool_call',
  'custom_tool_call_output',
  'tool_search_call',
  'tool_search_output',
  'additional_tools',
])

/** Calls of another upstream may have longer ids. */
function withOwnIds(item: Fields): Fields | undefined {
  const own = selfContained.has(item.type) ? rest(item, ['id']) : item
  return typeof item.call_id === 'string' ? { ...own, call_id: callIdFor(item.call_id) } : own
}

/** The items of a client of this dialect, as a service gets them that stores nothing. */
export function nativeItems({ items, input }: NativeParts, kept: KeptMessages): readonly unknown[] {
  return items.flatMap((item) => {
    if (!isFields(item)) return [item]
    if (item.type !== 'reasoning') return [withOwnIds(item)]
    const read = input.reasoning.get(item)
    const part = read && (kept.parts.get(read) ?? read)
    return part?.type === 'reasoning' ? (encodeReasoning(part) ?? []) : []
  })
}
