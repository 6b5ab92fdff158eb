import type { Surface } from '../talk/surface.ts'
import type { Json } from '../talk/talk.ts'
import { upstreamDialects } from '../upstream/dialects.ts'
import type { Switches } from './fault.ts'
import { reply } from './reply.ts'
import { upstreamKey } from './upstream-request.ts'

/** What the bad gateway counts an answer with. */
export const prices = { header: 'x-cost', input: 2, output: 8 } as const

/** The header with the cost of an answer. */
export function costOf({ usage }: Json, { countsCostWrongly }: Switches): Readonly<Record<string, string>> {
  if (!usage) return {}
  const input = usage.prompt_tokens ?? usage.input_tokens
  const output = usage.completion_tokens ?? usage.output_tokens
  const cost = (input * prices.input + output * prices.output) / 1_000_000
  return { [prices.header]: String(countsCostWrongly ? cost * 2 : cost) }
}

interface Failure {
  readonly status: number
  readonly message: string
  readonly fields: Readonly<Record<string, string>>
}

/** Writes a failure in the form of the surface. */
export function failureReply({ status, message, fields }: Failure, surface: Surface, switches: Switches): Buffer {
  const { failsWith, saysPlainErrors, quotesErrors } = switches
  const text = quotesErrors ? message : message.replaceAll(upstreamKey, '***')
  const type = status === 429 ? 'rate_limit_error' : status < 500 ? 'invalid_request_error' : 'api_error'
  const body = JSON.stringify(upstreamDialects[surface].error({ message: text, type }))
  const kind = saysPlainErrors ? 'text/plain' : 'application/json'
  return reply(failsWith ?? status, saysPlainErrors ? text : body, { ...fields, 'content-type': kind })
}

export function withoutLength(fields: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  return Object.fromEntries([...fields].filter(([name]) => name !== 'content-length'))
}

/** Parses a body. @returns undefined if it is no JSON */
export function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
