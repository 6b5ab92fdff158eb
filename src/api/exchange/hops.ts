import { ChatError } from '../../chat/error.ts'

/** The most gateways that a request may have come through. */
const maxHops = 3

/**
 * The number of gateways that a request came through, as the last of them counted (`x-tributary-hops`). Without a
 * limit, two gateways that are each other's upstream would pass it back and forth for ever (reliability, section 4,
 * item 26).
 * @throws ChatError `invalid-request`
 */
export function hopsOf(headers: Headers): number {
  const counted = headers.get('x-tributary-hops')
  if (counted === null) return 0
  const hops = /^\d{1,9}$/.test(counted) ? Number(counted) : 0
  if (hops <= maxHops) return hops
  throw new ChatError('invalid-request', {
    message: `This request came through more than ${maxHops} gateways: one of them may be its own upstream.`,
    code: 'too_many_hops',
  })
}
