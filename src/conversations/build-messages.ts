import type { AssistantMessage, Message, Part, ToolMessage } from '../chat/message.ts'
import { interruptedCall, toolMessage } from '../chat/tool-output.ts'
import type { Turn } from './history.ts'
import { removeExtra } from './remove-extra.ts'
import { callsIn, type Status, type StoredAssistantMessage, type StoredToolMessage } from './stored-message.ts'

const unkeptQuestion = '[The question is not part of this history.]'
const askedAgain = '[The answer broke off. The user asks again.]'
const marks: Readonly<Record<Status, string>> = {
  completed: '[No text.]',
  failed: '[This answer broke off.]',
  cancelled: '[The user stopped this answer.]',
}

/**
 * Builds the messages for a model from turns of every status: user and assistant alternate, every call is
 * followed by its result, and the last message is the user's or a tool's. An interrupted answer gets a mark.
 * @param model the model that is asked. It gets its own reasoning back, but not that of another model
 */
export function buildMessages(turns: readonly Turn[], model: string): Message[] {
  const built: Message[] = []
  for (const { messages } of turns) {
    let isAnswered = false
    for (const message of messages) {
      if (message.role === 'user') built.push(userMessage(message.content))
      if (message.role !== 'assistant') continue
      if (!isAnswerable(built)) built.push(userMessage(isAnswered ? askedAgain : unkeptQuestion))
      const results = callsIn(message).map(({ id }) =>
        resultOf(
          id,
          messages.find((other) => other.role === 'tool' && other.toolCallId === id),
        ),
      )
      built.push(assistantMessage(message, model), ...results)
      isAnswered = true
    }
  }
  return isAnswerable(built) ? built : [...built, userMessage(built.length > 0 ? askedAgain : unkeptQuestion)]
}

function isAnswerable(built: readonly Message[]): boolean {
  const last = built.at(-1)
  return last?.role === 'user' || last?.role === 'tool'
}

function userMessage(text: string): Message {
  return { role: 'user', content: [{ type: 'text', text }] }
}

function assistantMessage(message: StoredAssistantMessage, model: string): AssistantMessage {
  const { parts, extra, status } = message
  const isOwn = message.model === model
  // another model's reasoning and its signatures are only for its own upstream
  const own = isOwn ? parts : parts.filter(({ type }) => type !== 'reasoning').flatMap(removeExtra)
  const built = own.filter((part) => part.type !== 'text' || part.text !== '')
  const needsMark = status !== 'completed' || built.every(({ type }) => type === 'reasoning')
  return {
    role: 'assistant',
    content: needsMark ? withMark(built, marks[status]) : built,
    ...(isOwn && extra && { extra }),
  }
}

/** Adds a mark at the end of the parts. */
function withMark(parts: readonly Part[], mark: string): readonly Part[] {
  const last = parts.at(-1)
  if (last?.type !== 'text') return [...parts, { type: 'text', text: mark }]
  return [...parts.slice(0, -1), { ...last, text: `${last.text}\n\n${mark}` }]
}

function resultOf(toolCallId: string, found: { readonly role: string } | StoredToolMessage | undefined): ToolMessage {
  const output = found && 'isError' in found ? found : interruptedCall
  return toolMessage(toolCallId, output)
}
