import type { ChatEvent, Usage } from '../../chat/event.ts'
import { sum } from '../layers/choices.ts'

/** Returns the sum of the usages, and each member's share. A member whose usage is unknown is not in the sum. */
export function totalUsage(titles: readonly string[], usages: readonly (Usage | undefined)[]): readonly ChatEvent[] {
  const shares = titles.flatMap((title, at) => {
    const usage = usages[at]
    return usage ? [{ title, usage }] : []
  })
  if (shares.length === 0) return []
  return [{ type: 'usage', choice: 0, usage: { ...sum(shares.map(({ usage }) => usage)), shares } }]
}
