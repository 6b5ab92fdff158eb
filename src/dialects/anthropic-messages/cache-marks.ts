import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'

const mark = { cache_control: { type: 'ephemeral' } }

/** Blocks that Anthropic refuses a mark on. Anthropic, Prompt caching */
const unmarkable: ReadonlySet<unknown> = new Set(['thinking', 'redacted_thinking'])

/**
 * Marks the ends of what the next request of the conversation repeats: the tools, the system prompt and the newest message.
 * Clients of other dialects cannot set marks, and without one Anthropic reads everything again each time.
 */
export function markCaches(body: Fields): Fields {
  return mapEnds(body, (last) => (unmarkable.has(last.type) ? last : { ...last, ...mark }))
}

/** Removes these marks, for a service that does not know them. */
export function withoutMarks(body: Fields): Fields {
  return mapEnds(body, ({ cache_control: _, ...last }) => last)
}

function mapEnds(body: Fields, change: (last: Fields) => Fields): Fields {
  const { tools, system, messages } = body
  return {
    ...body,
    ...(Array.isArray(tools) && { tools: withLast(tools, change) }),
    ...(Array.isArray(system) && { system: withLast(system, change) }),
    ...(Array.isArray(messages) && {
      messages: withLast(messages, (message) =>
        Array.isArray(message.content) ? { ...message, content: withLast(message.content, change) } : message,
      ),
    }),
  }
}

function withLast(list: readonly unknown[], change: (last: Fields) => Fields): readonly unknown[] {
  const last = list.at(-1)
  return isFields(last) ? [...list.slice(0, -1), change(last)] : list
}
