import { callsOf, type Message } from '../chat/message.ts'

/** What every model asks of a conversation; what is wrong with this one, or undefined. */
export function faultIn(messages: readonly Message[]): string | undefined {
  let open: readonly string[] = []
  let before: Message['role'] | undefined
  for (const [at, message] of messages.entries()) {
    if (message.role === 'tool') {
      if (open[0] !== message.toolCallId) return `${at}: a result that is not that of the next call`
      open = open.slice(1)
    } else if (open.length > 0) return `${at}: a call without a result`
    if (message.role === 'user' && before !== undefined && before !== 'assistant')
      return `${at}: a user after ${before}`
    if (message.role === 'assistant') {
      if (before !== 'user' && before !== 'tool') return `${at}: an assistant after ${before}`
      if (message.content.length === 0) return `${at}: an assistant that says nothing`
      open = callsOf(message).map(({ id }) => id)
    }
    before = message.role
  }
  if (open.length > 0) return 'the end: a call without a result'
  return before === 'user' || before === 'tool' ? undefined : `the end: ${before} has the last word`
}
