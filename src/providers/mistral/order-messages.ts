import { callsOf, type Message } from '../../chat/message.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'

/**
 * Puts a conversation into an order that Mistral accepts; OpenAI accepts any. Instructions after an answer or a result,
 * or at the end, become messages of the user. An answer is put between a result and the user. An answer at the end is
 * marked as a prefix. Mistral, `mistral-common`, `validator.py`
 */
export function orderMessages(messages: readonly Message[]): readonly Message[] {
  const ordered: Message[] = []
  for (const [at, message] of messages.entries()) {
    const isLast = at === messages.length - 1
    const converted = convert(message, ordered.at(-1), isLast)
    // Cline and Roo Code send the state of the workspace after each result
    if (converted.role === 'user' && ordered.at(-1)?.role === 'tool') ordered.push(filler)
    ordered.push(converted)
  }
  return ordered
}

/** The answer between a result and the user. It has a text, because Mistral refuses an empty answer. */
const filler: Message = { role: 'assistant', content: [{ type: 'text', text: 'OK.' }] }

function convert(message: Message, previous: Message | undefined, isLast: boolean): Message {
  if (message.role === 'system') {
    const isLate = isLast || previous?.role === 'assistant' || previous?.role === 'tool'
    return isLate ? { ...message, role: 'user' } : message
  }
  if (message.role !== 'assistant' || !isLast || callsOf(message).length > 0) return message
  return { ...message, extra: { ...message.extra, [dialect]: { prefix: true, ...message.extra?.[dialect] } } }
}
