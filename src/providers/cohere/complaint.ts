import { readComplaint as readAnyComplaint } from '../../dialects/openai-chat/complaint.ts'
import type { UpstreamComplaint } from '../../wire/http-status.ts'

/** `{message}`: what kind of error it is stands in the status, and for two of them only in the words. */
export function readComplaint(body: unknown): UpstreamComplaint {
  const complaint = readAnyComplaint(body)
  const code = codes.find(([words]) => complaint.message !== undefined && words.test(complaint.message))?.[1]
  return code ? { ...complaint, code } : complaint
}

/** 400 `too many tokens: …`; 429 for a trial key, which is limited to so many calls a minute, and a month. */
const codes = [
  [/^too many tokens\b/i, 'context_length_exceeded'],
  [/\bcalls ?(\/|per) ?month\b/i, 'insufficient_quota'],
] as const
