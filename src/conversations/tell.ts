import type { AssistantMessage, Message, Part, ToolCall, ToolMessage } from '../chat/message.ts'
import { stoppedCall, tellOutput } from '../chat/tool-output.ts'
import type { Turn } from './history.ts'
import type { Status, StoredAssistantMessage, StoredToolMessage } from './stored-message.ts'

const unkeptQuestion = '[The question is not part of this history.]'
const askedAgain = '[The answer broke off. The user asks again.]'
const marks: Readonly<Record<Status, string>> = {
  completed: '[No text.]',
  failed: '[This answer broke off.]',
  cancelled: '[The user stopped this answer.]',
}

/**
 * The turns as a model is told them, whatever became of them: user and assistant take turns, every call is followed by
 * its result, and the user has the last word, or a tool. An answer that broke off says so.
 * @param model who is asked: what it thought is told it again, but not what another one thought
 */
export function tell(turns: readonly Turn[], model: string): Message[] {
  const told: Message[] = []
  for (const { messages } of turns) {
    let isAgain = false
    for (const message of messages) {
      if (message.role === 'user') told.push(userSays(message.content))
      if (message.role !== 'assistant') continue
      if (!isAnswerable(told)) told.push(userSays(isAgain ? askedAgain : unkeptQuestion))
      const results = message.toolCalls.map(({ id }) =>
        resultOf(
          id,
          messages.find((other) => other.role === 'tool' && other.toolCallId === id),
        ),
      )
      told.push(assistantSays(message, model), ...results)
      isAgain = true
    }
  }
  return isAnswerable(told) ? told : [...told, userSays(told.length > 0 ? askedAgain : unkeptQuestion)]
}

function isAnswerable(told: readonly Message[]): boolean {
  const last = told.at(-1)
  return last?.role === 'user' || last?.role === 'tool'
}

function userSays(text: string): Message {
  return { role: 'user', content: [{ type: 'text', text }] }
}

function assistantSays(message: StoredAssistantMessage, model: string): AssistantMessage {
  const { content, reasoning, reasoningExtra, extra, status, toolCalls } = message
  const isOwn = message.model === model
  const needsMark = status !== 'completed' || (content === '' && toolCalls.length === 0)
  const text = needsMark ? [content, marks[status]].filter((line) => line !== '').join('\n\n') : content
  const parts: Part[] = text === '' ? [] : [{ type: 'text', text }]
  const thoughts: Part[] =
    reasoning && isOwn ? [{ type: 'reasoning', text: reasoning, ...(reasoningExtra && { extra: reasoningExtra }) }] : []
  return {
    role: 'assistant',
    content: [...thoughts, ...parts],
    toolCalls: isOwn ? toolCalls : toolCalls.map(unsigned),
    ...(isOwn && extra && { extra }),
  }
}

/** A call without what only the model that made it knows. */
function unsigned({ id, name, arguments: json }: ToolCall): ToolCall {
  return { id, name, arguments: json }
}

function resultOf(toolCallId: string, found: { readonly role: string } | StoredToolMessage | undefined): ToolMessage {
  const output = found && 'isError' in found ? found : stoppedCall
  return { role: 'tool', toolCallId, content: [{ type: 'text', text: tellOutput(output) }] }
}
