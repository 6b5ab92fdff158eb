import type { RateLeft } from '../../../keys/key-meter.ts'
import type { RequestFacts } from '../../exchange/exchange.ts'

/** The headers that tell Anthropic's clients what is left of their limits. Anthropic API, Rate limits */
export function limitHeaders({ caller, limitsLeft }: RequestFacts): Readonly<Record<string, string>> {
  if (!caller.limits || !limitsLeft) return {}
  const { requests, tokens } = limitsLeft
  return { ...(requests && headersOf('requests', requests)), ...(tokens && headersOf('tokens', tokens)) }
}

function headersOf(what: 'requests' | 'tokens', { limit, remaining, resetAt }: RateLeft): Record<string, string> {
  return {
    [`anthropic-ratelimit-${what}-limit`]: String(limit),
    [`anthropic-ratelimit-${what}-remaining`]: String(remaining),
    [`anthropic-ratelimit-${what}-reset`]: new Date(resetAt).toISOString(),
  }
}
