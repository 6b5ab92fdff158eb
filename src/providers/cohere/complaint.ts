import { readComplaint as readAnyComplaint } from '../../dialects/openai-chat/complaint.ts'
import type { UpstreamComplaint } from '../../wire/http-status.ts'

/** Reads `{message}`. The status tells the kind of error, except for two kinds that only the text shows. */
export function readComplaint(body: unknown): UpstreamComplaint {
  const complaint = readAnyComplaint(body)
  const code = codes.find(([words]) => complaint.message !== undefined && words.test(complaint.message))?.[1]
  return code ? { ...complaint, code } : complaint
}

/** The two kinds: 400 with `too many tokens: …`, and 429 when a trial key has used up its calls of the month. */
const codes = [
  [/^too many tokens\b/i, 'context_length_exceeded'],
  [/\bcalls ?(\/|per) ?month\b/i, 'insufficient_quota'],
] as const
