import type { UpstreamComplaint } from '../../wire/http-status.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** Reads `{error: "…"}`, as public clients do, and the error shapes of common frameworks. */
export function readComplaint(body: unknown): UpstreamComplaint {
  const { data } = schemas().SmitheryComplaint.safeParse(body)
  if (!data) return {}
  const complaint = data.error ?? data
  if (typeof complaint === 'string') return { message: complaint }
  const { message, code, type } = complaint
  return { ...(message && { message }), ...(code && { code }), ...(type && { type }) }
}
