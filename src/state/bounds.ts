import { ChatError } from '../chat/error.ts'

/** Longer keys are refused: part of a key may be a client's. */
const maxKeyCharacters = 1_024
/** Bytes of the largest value, two for each character: a long conversation with its tool results, not a file. */
export const maxValueBytes = 16 * 1024 * 1024

/** A notice says that something has changed, and not what it is now. */
const maxNoticeCharacters = 65_536

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

/** @throws ChatError `too-large` */
export function checkNotice(text: string): void {
  if (text.length <= maxNoticeCharacters) return
  throw new ChatError('too-large', {
    message: `A notice has at most ${maxNoticeCharacters} characters.`,
    code: 'state_too_large',
  })
}

/** @throws ChatError `invalid-request` for what is no safe integer, be it the number that is added or what comes out */
export function checkCount(count: number): void {
  if (Number.isSafeInteger(count)) return
  throw new ChatError('invalid-request', {
    message: `A counter holds whole numbers from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}.`,
  })
}
