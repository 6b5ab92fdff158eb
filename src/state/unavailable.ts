import { ChatError } from '../chat/error.ts'

/** The error for a storage that fails or cannot be opened. @param message also says what to do */
export function unavailable(message: string, cause?: unknown): ChatError {
  return new ChatError('unavailable', { message, code: 'state_unavailable', retryAfterMs: 5_000, cause })
}

/** The code of a failed operation on files or SQLite, such as `ENOSPC` or `SQLITE_FULL`. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'no code'
}
