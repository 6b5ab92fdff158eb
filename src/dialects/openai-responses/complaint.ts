import { ChatError } from '../../chat/error.ts'
import { statusError, type UpstreamComplaint } from '../../wire/http-status.ts'
import { isFields } from '../fields.ts'
import { readComplaint as readAnyComplaint } from '../openai-chat/complaint.ts'

/** Reads an error body, the error of a failed response, or an `error` event, whose members stand in it or in an object `error`. */
export function readComplaint(body: unknown): UpstreamComplaint {
  const complaint = readAnyComplaint(body)
  // this code also stands for an unclear or a forbidden prompt
  const isFlagged = complaint.code === 'invalid_prompt' && /usage policy|flagged/i.test(complaint.message ?? '')
  return isFlagged ? { ...complaint, code: 'content_filter' } : complaint
}

/** The error of a response that failed, or of an `error` event. */
export function errorInside(value: unknown): ChatError {
  return statusError({ status: 0 }, readComplaint(value))
}

/** The error of a response that failed or was cancelled. */
export function failureIn(response: unknown): ChatError {
  if (isFields(response) && isFields(response.error)) return errorInside({ error: response.error })
  return new ChatError('upstream-failed', { message: 'The upstream gave up the response without saying why.' })
}
