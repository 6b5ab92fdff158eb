import { ChatError } from '../chat/error.ts'

/** The storage fails, or cannot be opened. The message says what to do. */
export function unavailable(message: string, cause?: unknown): ChatError {
  return new ChatError('unavailable', { message, code: 'state_unavailable', cause })
}

/** What an operation on files or SQLite failed with: `ENOSPC`, `SQLITE_FULL`. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'no code'
}
