import type { Caller } from '../../../chat/caller.ts'

/** The name of the recording of a response. */
export function recordingOf(caller: Caller, id: string): string {
  return `${caller.id}/${id.slice(0, 256)}`
}
