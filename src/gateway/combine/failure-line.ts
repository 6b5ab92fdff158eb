import { asChatError } from '../../chat/error.ts'

/** What is said in the place of a member that failed: the kind of failure, of a closed list, and nothing an upstream said. */
export function failureLine(thrown: unknown): string {
  return `Request failed: ${asChatError(thrown).reason}\n`
}
