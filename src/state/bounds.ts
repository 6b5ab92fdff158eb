import { ChatError } from '../chat/error.ts'

/** Longer keys are refused: part of a key may be a client's. */
const maxKeyCharacters = 1_024
/** Bytes of the largest value, two for each character: a long conversation with its tool results, not a file. */
export const maxValueBytes = 16 * 1024 * 1024

/** Refuses what not every storage can tell apart or hold. @throws ChatError `invalid-request` */
export function checkKey(key: string): void {
  if (key.length <= maxKeyCharacters && key.isWellFormed()) return
  throw new ChatError('invalid-request', {
    message: `A name under which something is kept has at most ${maxKeyCharacters} characters and no half of a surrogate pair.`,
  })
}

/** @throws ChatError `too-large` */
export function checkValue(value: string): void {
  if (2 * value.length <= maxValueBytes) return
  throw new ChatError('too-large', {
    message: `What is to be kept is longer than ${maxValueBytes / 2} characters.`,
    code: 'state_too_large',
  })
}
