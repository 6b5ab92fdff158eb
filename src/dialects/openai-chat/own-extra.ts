import type { Extras, Fields } from '../../chat/message.ts'
import { dialect } from './dialect.ts'

/** Returns `{ extra }` of this dialect, or an empty object. The result is for spreading, so that an absent extra is an absent member. */
export function ownExtra(extra: Fields | undefined): { extra?: Extras } {
  return extra ? { extra: { [dialect]: extra } } : {}
}
