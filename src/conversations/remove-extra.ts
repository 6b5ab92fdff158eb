import type { Part } from '../chat/message.ts'

/**
 * Removes the fields that only the part's own model understands. A part that consists only of such fields is removed.
 */
export function removeExtra(part: Part): Part[] {
  if (part.type === 'foreign') return []
  const { extra: _, ...others } = part
  return [others]
}
