import type { LimitsLeft, RateLeft } from '../../keys/key-meter.ts'

/** The headers that tell OpenAI's clients what is left of their limits. */
export function limitHeaders({ requests, tokens }: LimitsLeft = {}): Readonly<Record<string, string>> {
  return { ...(requests && headersOf('requests', requests)), ...(tokens && headersOf('tokens', tokens)) }
}

function headersOf(what: 'requests' | 'tokens', { limit, remaining, resetMs }: RateLeft): Record<string, string> {
  return {
    [`x-ratelimit-limit-${what}`]: String(limit),
    [`x-ratelimit-remaining-${what}`]: String(remaining),
    // OpenAI's form, such as 59s
    [`x-ratelimit-reset-${what}`]: `${Math.ceil(resetMs / 1_000)}s`,
  }
}
