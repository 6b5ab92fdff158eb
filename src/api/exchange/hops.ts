import { ChatError } from '../../chat/error.ts'

/** So many gateways may stand in a row. */
const maxHops = 3

/**
 * How many gateways a request came through, as the last of them counted (`x-tributary-hops`): two that are each other's
 * upstream would hand it to and fro for ever (reliability, section 4, item 26). @throws ChatError `invalid-request`
 */
export function hopsOf(headers: Headers): number {
  const counted = headers.get('x-tributary-hops') ?? ''
  const hops = /^\d{1,9}$/.test(counted) ? Number(counted) : 0
  if (hops <= maxHops) return hops
  throw new ChatError('invalid-request', {
    message: `This request came through more than ${maxHops} gateways: one of them may be its own upstream.`,
    code: 'too_many_hops',
  })
}
