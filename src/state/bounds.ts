import { ChatError } from '../chat/error.ts'

/** Longer keys are refused: part of a key may be a client's. */
const maxKeyCharacters = 1_024
/** Bytes of the largest value, two for each character: a long conversation with its tool results, not a file. */
export const maxValueBytes = 16 * 1024 * 1024

/** A notice says that something has changed. What it is now stands in the store. */
const maxNoticeCharacters = 65_536

/** Refuses keys that not every storage can hold, or would mistake for another. @throws ChatError `invalid-request` */
export function checkKey(key: string): void {
  if (key.length <= maxKeyCharacters && key.isWellFormed()) return
  throw new ChatError('invalid-request', {
    message: `A key of the state has at most ${maxKeyCharacters} characters and no half of a surrogate pair.`,
  })
}

/** @throws ChatError `too-large` */
export function checkValue(value: string): void {
  if (2 * value.length <= maxValueBytes) return
  throw new ChatError('too-large', {
    message: `The value is longer than the ${maxValueBytes / 2} characters that the state can keep.`,
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

/** @throws ChatError `invalid-request` where the number is not a safe integer */
export function checkCount(count: number): void {
  if (Number.isSafeInteger(count)) return
  throw new ChatError('invalid-request', {
    message: `A counter holds whole numbers from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}.`,
  })
}
