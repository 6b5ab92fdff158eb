import type { Message, Part } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'

/**
 * Gemini refuses a call without the signature of its thoughts, and takes this in its place for a call that it has not made. Of the
 * calls of one answer the first has the signature. Models before Gemini 3 need none. Google, Thought signatures
 */
const unsigned = { extra_content: { google: { thought_signature: 'skip_thought_signature_validator' } } }
const needsNone = /gemini-[12]\b/

/** Whether a service at this address is Google's: Gemini's own, or Vertex AI. */
export function isGoogle(url: string): boolean {
  return /(^|\.)(generativelanguage|aiplatform)\.googleapis\.com$|-aiplatform\.googleapis\.com$/.test(
    new URL(url).hostname,
  )
}

/** Marks the calls of other models. Returns the same request if there are none. */
export function markForeignCalls(request: ChatRequest): ChatRequest {
  if (!request.parameters.tools || needsNone.test(request.model)) return request
  const messages = request.messages.map(markForeign)
  return messages.every((message, at) => message === request.messages[at]) ? request : { ...request, messages }
}

function markForeign(message: Message): Message {
  if (message.role !== 'assistant') return message
  const first = message.content.findIndex(({ type }) => type === 'tool-call')
  const isSigned = message.content.some((part) => part.type === 'tool-call' && part.extra?.[dialect]?.extra_content)
  if (first === -1 || isSigned) return message
  const content = message.content.map((part, at): Part => {
    if (at !== first || part.type !== 'tool-call') return part
    return { ...part, extra: { ...part.extra, [dialect]: { ...part.extra?.[dialect], ...unsigned } } }
  })
  return { ...message, content }
}
