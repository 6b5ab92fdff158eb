import type { ChatError } from '../../chat/error.ts'
import { statusError, type UpstreamComplaint } from '../../wire/http-status.ts'
import { readComplaint as readAnyComplaint } from '../openai-chat/complaint.ts'

/** Reads `{type: "error", error: {type, message}}`. Some kinds of errors are only known by their text. Anthropic, Errors */
export function readComplaint(body: unknown): UpstreamComplaint {
  const complaint = readAnyComplaint(body)
  const { message = '', type = '' } = complaint
  const code = codesOfTexts.find(([words]) => words.test(message))?.[1] ?? codesOfTypes[type]
  return code ? { ...complaint, code } : complaint
}

/** Returns the error for an `error` event. Its type replaces the status. */
export function errorInside(value: unknown): ChatError {
  return statusError({ status: 0 }, readComplaint(value))
}

/** Texts of a 400 whose type is only `invalid_request_error`. */
const codesOfTexts = [
  [/prompt is too long|exceed(s|ed)? (the )?context (limit|window)/i, 'context_length_exceeded'],
  [/credit balance is too low|reached your specified .{0,20}usage limit/i, 'insufficient_quota'],
] as const

/** Types that mean the same as a code which is known for every upstream. */
const codesOfTypes: Readonly<Record<string, string>> = {
  billing_error: 'insufficient_quota',
  permission_error: 'permission_denied',
}
