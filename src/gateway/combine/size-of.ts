import type { ChatEvent } from '../../chat/event.ts'

/** What an event costs beside its text, in characters: one of few letters is mostly object. */
const perEvent = 32

/** What an event takes while it waits for its reader, in characters. */
export function sizeOf(event: ChatEvent): number {
  if ('text' in event) return event.text.length + perEvent
  return event.type === 'tool-arguments' ? event.json.length + perEvent : perEvent
}
