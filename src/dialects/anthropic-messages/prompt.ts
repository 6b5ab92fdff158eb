import type { Fields } from '../../chat/message.ts'
import type { SentPrompt } from '../../chat/prompt.ts'
import { isFields } from '../fields.ts'
import { billing } from './decode-messages.ts'

const hourMs = 3_600_000

/** What a model reads of a body, in the order of its cache: tools, system, messages. Anthropic, Prompt caching */
export function promptIn({ tools, system, messages, metadata }: Fields): SentPrompt {
  const isForHour = wantsHour(tools) || wantsHour(system) || listOf(messages).some(isOfHour)
  return {
    members: [
      { name: 'tools', value: tools },
      { name: 'system', value: withoutBilling(system) },
      { name: 'messages', value: messages },
    ],
    conversation: sessionIn(metadata),
    cacheMs: isForHour ? hourMs : undefined,
  }
}

/** Claude Code's line for billing changes from turn to turn. Its block keeps its place, so that the paths of others stay right. */
function withoutBilling(system: unknown): unknown {
  if (typeof system === 'string') return system.replace(billing, '')
  if (!Array.isArray(system)) return system
  return system.map((block: unknown) =>
    isFields(block) && typeof block.text === 'string' ? { ...block, text: block.text.replace(billing, '') } : block,
  )
}

/** Claude Code names its session within the id of its user. Other clients name people, who have many conversations. */
function sessionIn(metadata: unknown): string | undefined {
  const user = isFields(metadata) ? metadata.user_id : undefined
  return typeof user === 'string' && user.includes('session') ? user : undefined
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Whether one of the blocks is marked for the cache that lives for an hour. */
function wantsHour(blocks: unknown): boolean {
  return listOf(blocks).some(
    (block) => isFields(block) && isFields(block.cache_control) && block.cache_control.ttl === '1h',
  )
}

function isOfHour(message: unknown): boolean {
  return isFields(message) && wantsHour(message.content)
}
