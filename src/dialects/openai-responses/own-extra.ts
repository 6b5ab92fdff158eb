import type { Extras, Fields } from '../../chat/message.ts'
import { dialect } from './dialect.ts'

/** Returns `{ extra }` of this dialect, or an empty object. */
export function ownExtra(extra: Fields | undefined): { extra?: Extras } {
  return extra ? { extra: { [dialect]: extra } } : {}
}
