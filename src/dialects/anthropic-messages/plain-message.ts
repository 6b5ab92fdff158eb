import type { ChatEvent, Native } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { hasOnly, isFields } from '../fields.ts'
import { ownExtra } from './own-extra.ts'
import { readStop } from './stop-reason.ts'
import { decodeUsage } from './usage.ts'

/** More blocks are read, and perhaps refused, by the full reader. */
const maxBlocks = 1_000

/**
 * Returns the events of a whole message in the documented form that has only texts, signed thinking and tool calls, as most messages
 * are. Returns undefined for any other message, and for one that may need a repair.
 * @param native is attached to each event
 */
export function plainMessageIn(value: Fields, native?: Native): readonly ChatEvent[] | undefined {
  const { type, content, usage: counts, stop_reason } = value
  if (type !== 'message' || mayFail(value) || typeof stop_reason !== 'string') return undefined
  const usage = isFields(counts) ? decodeUsage(counts) : undefined
  if (!usage || !Array.isArray(content) || content.length === 0 || content.length > maxBlocks) return undefined
  const beside = native && { native }
  const events: ChatEvent[] = []
  let [hasCalls, isShown] = [false, false]
  for (let part = 0; part < content.length; part++) {
    const block: unknown = content[part]
    if (!isFields(block) || !addBlock(events, block, { part, beside })) return undefined
    hasCalls ||= block.type === 'tool_use'
    isShown ||= block.thinking !== ''
  }
  if (!isShown) return undefined
  events.push(
    { type: 'finish', choice: 0, ...readStop(value, hasCalls), ...beside },
    { type: 'usage', choice: 0, usage, ...beside },
  )
  return events
}

/** Whether a message may report an error. */
function mayFail({ error, errors, detail, success, base_resp }: Fields): boolean {
  return [error, errors, detail, success, base_resp].some((member) => member !== undefined && member !== null)
}

interface BlockContext {
  readonly part: number
  readonly beside: { readonly native: Native } | undefined
}

const textMembers: ReadonlySet<string> = new Set(['type', 'text', 'citations'])
const thinkingMembers: ReadonlySet<string> = new Set(['type', 'thinking', 'signature'])
const callMembers: ReadonlySet<string> = new Set(['type', 'id', 'name', 'input'])

/** Adds the events of a block. Returns false if the block is not plain. */
function addBlock(events: ChatEvent[], block: Fields, { part, beside }: BlockContext): boolean {
  const at = { choice: 0, part, ...beside }
  switch (block.type) {
    case 'text': {
      const { text, citations } = block
      if (typeof text !== 'string' || text === '' || (citations ?? null) !== null) return false
      events.push({ type: 'text', text, ...at }, { type: 'part-end', ...at })
      return hasOnly(block, textMembers)
    }
    case 'thinking': {
      const { thinking, signature } = block
      if (typeof thinking !== 'string' || typeof signature !== 'string' || signature === '') return false
      events.push({ type: 'reasoning', text: thinking, ...at }, { type: 'part-end', ...at, ...ownExtra({ signature }) })
      return hasOnly(block, thinkingMembers)
    }
    case 'tool_use': {
      const { id, name, input } = block
      if (typeof id !== 'string' || id === '' || typeof name !== 'string' || name === '' || !isFields(input))
        return false
      events.push(
        { type: 'tool-call', id, name, ...at },
        { type: 'tool-arguments', json: JSON.stringify(input), ...at },
        { type: 'part-end', ...at },
      )
      return hasOnly(block, callMembers)
    }
    default:
      return false
  }
}
