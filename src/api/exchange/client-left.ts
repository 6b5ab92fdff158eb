import { ChatError } from '../../chat/error.ts'

/** The error that ends a call when its client has left. */
export function clientLeft(): ChatError {
  return new ChatError('cancelled', { message: 'The client closed the connection.' })
}
