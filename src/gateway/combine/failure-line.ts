import { asChatError } from '../../chat/error.ts'

/** The line in place of a failed member's answer. It only has the reason, and nothing from an upstream. */
export function failureLine(thrown: unknown): string {
  return `Request failed: ${asChatError(thrown).reason}\n`
}
