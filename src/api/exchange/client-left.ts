import { ChatError } from '../../chat/error.ts'

/** Why a call ends whose client is gone. */
export function clientLeft(): ChatError {
  return new ChatError('cancelled', { message: 'The client closed the connection.' })
}
