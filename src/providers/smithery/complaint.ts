import type { UpstreamComplaint } from '../../wire/http-status.ts'
import { SmitheryComplaint } from './schema.ts'

/** Reads `{error: "…"}`, as public clients do, and the error shapes of common frameworks. */
export function readComplaint(body: unknown): UpstreamComplaint {
  const { data } = SmitheryComplaint.safeParse(body)
  if (!data) return {}
  const said = data.error ?? data
  if (typeof said === 'string') return { message: said }
  const { message, code, type } = said
  return { ...(message && { message }), ...(code && { code }), ...(type && { type }) }
}
