import { ChatError } from '../chat/error.ts'

/** Longer keys are refused, because a client may choose a part of a key. */
const maxKeyCharacters = 1_024
/** Limit for the bytes of a value, two for each character: enough for a long conversation with its tool results. */
export const maxValueBytes = 16 * 1024 * 1024

/** A notice only says that something has changed. The change itself is in the store. */
const maxNoticeCharacters = 65_536

/**
 * Refuses a key that not every storage can hold, or that a storage could confuse with another. @throws ChatError
 * `invalid-request`
 */
export function checkKey(key: string): void {
  if (key.length <= maxKeyCharacters && key.isWellFormed()) return
  throw new ChatError('invalid-request', {
    message: `A key of the state must have at most ${maxKeyCharacters} characters and no half of a surrogate pair.`,
  })
}

/** @throws ChatError `too-large` */
export function checkValue(value: string): void {
  if (2 * value.length <= maxValueBytes) return
  throw new ChatError('too-large', {
    message: `The value is longer than ${maxValueBytes / 2} characters, the limit of the state.`,
    code: 'state_too_large',
  })
}

/** @throws ChatError `too-large` */
export function checkNotice(text: string): void {
  if (text.length <= maxNoticeCharacters) return
  throw new ChatError('too-large', {
    message: `A notice must have at most ${maxNoticeCharacters} characters.`,
    code: 'state_too_large',
  })
}

/** @throws ChatError `invalid-request` if the number is not a safe integer */
export function checkCount(count: number): void {
  if (Number.isSafeInteger(count)) return
  throw new ChatError('invalid-request', {
    message: `A counter must be a whole number from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}.`,
  })
}
