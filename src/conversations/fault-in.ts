import { callsOf, type Message } from '../chat/message.ts'

/**
 * Checks the rules that every model sets for a conversation. Returns a description of the first fault; undefined if there is
 * none.
 */
export function faultIn(messages: readonly Message[]): string | undefined {
  let open: readonly string[] = []
  let previous: Message['role'] | undefined
  for (const [at, message] of messages.entries()) {
    if (message.role === 'tool') {
      if (open[0] !== message.toolCallId) return `${at}: a result that is not that of the next call`
      open = open.slice(1)
    } else if (open.length > 0) return `${at}: a call without a result`
    if (message.role === 'user' && previous !== undefined && previous !== 'assistant')
      return `${at}: a user after ${previous}`
    if (message.role === 'assistant') {
      if (previous !== 'user' && previous !== 'tool') return `${at}: an assistant after ${previous}`
      if (message.content.length === 0) return `${at}: an assistant that says nothing`
      open = callsOf(message).map(({ id }) => id)
    }
    previous = message.role
  }
  if (open.length > 0) return 'the end: a call without a result'
  return previous === 'user' || previous === 'tool' ? undefined : `the end: ${previous} has the last word`
}
