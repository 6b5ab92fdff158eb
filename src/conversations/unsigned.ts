import type { Part } from '../chat/message.ts'

/** A part without what only the model that wrote it understands; none is left of one that is nothing else. */
export function unsigned(part: Part): Part[] {
  if (part.type === 'foreign') return []
  const { extra: _, ...others } = part
  return [others]
}
