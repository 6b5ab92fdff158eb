import type { ChatEvent } from '../../chat/event.ts'

/** Characters that are added for each event, because a short event is mostly the object itself. */
const perEvent = 32

/** The size of an event that waits for its reader, in characters. */
export function sizeOf(event: ChatEvent): number {
  if ('text' in event) return event.text.length + perEvent
  return event.type === 'tool-arguments' ? event.json.length + perEvent : perEvent
}
