import type { UpstreamComplaint } from '../../wire/http-status.ts'
import { SmitheryComplaint } from './schema.ts'

/** Reads `{error: "…"}`, as public clients do, and the error shapes of common frameworks. */
export function readComplaint(body: unknown): UpstreamComplaint {
  const { data } = SmitheryComplaint.safeParse(body)
  if (!data) return {}
  const complaint = data.error ?? data
  if (typeof complaint === 'string') return { message: complaint }
  const { message, code, type } = complaint
  return { ...(message && { message }), ...(code && { code }), ...(type && { type }) }
}
