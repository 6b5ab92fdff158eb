import type { AssistantMessage, Message, Part, ToolMessage } from '../chat/message.ts'
import { interruptedCall, toolMessage } from '../chat/tool-output.ts'
import type { Turn } from './history.ts'
import { callsIn, type Status, type StoredAssistantMessage, type StoredToolMessage } from './stored-message.ts'
import { unsigned } from './unsigned.ts'

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
      const results = callsIn(message).map(({ id }) =>
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
  const { parts, extra, status } = message
  const isOwn = message.model === model
  // what another model thought, and what proves it, is its upstream's alone
  const own = isOwn ? parts : parts.filter(({ type }) => type !== 'reasoning').flatMap(unsigned)
  const told = own.filter((part) => part.type !== 'text' || part.text !== '')
  const needsMark = status !== 'completed' || told.every(({ type }) => type === 'reasoning')
  return {
    role: 'assistant',
    content: needsMark ? withMark(told, marks[status]) : told,
    ...(isOwn && extra && { extra }),
  }
}

/** The parts with a mark as their last words. */
function withMark(parts: readonly Part[], mark: string): readonly Part[] {
  const last = parts.at(-1)
  if (last?.type !== 'text') return [...parts, { type: 'text', text: mark }]
  return [...parts.slice(0, -1), { ...last, text: `${last.text}\n\n${mark}` }]
}

function resultOf(toolCallId: string, found: { readonly role: string } | StoredToolMessage | undefined): ToolMessage {
  const output = found && 'isError' in found ? found : interruptedCall
  return toolMessage(toolCallId, output)
}
