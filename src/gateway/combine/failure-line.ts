import { asChatError } from '../../chat/error.ts'

/** Returns the line that reports a member's failure. It has the reason, and no text from an upstream. */
export function failureLine(thrown: unknown): string {
  return `Request failed: ${asChatError(thrown).reason}\n`
}
