import type { Conversations } from '../../../conversations/conversations.ts'
import type { SessionKey } from '../../../conversations/session-key.ts'
import {
  callsIn,
  contentOf,
  type StoredAssistantMessage,
  type StoredMessage,
} from '../../../conversations/stored-message.ts'
import type { Batch } from '../../../flow/flow.ts'
import { encodeCall, encodeMessage } from './encode-message.ts'
import type { ServerEvent } from './event.ts'

/** The rounds of an answer are looked for in at most this many messages. */
const maxMessages = 1_000

/** The stored answer, for a request that is repeated with the same id. */
export async function replay(
  whose: SessionKey,
  answer: StoredAssistantMessage,
  conversations: Conversations,
): Promise<Batch<ServerEvent>> {
  const rounds = roundsOf(answer, (await conversations.messages(whose, maxMessages)) ?? [answer])
  const content = rounds
    .map(contentOf)
    .filter((text) => text !== '')
    .join('\n\n')
  const calls = rounds.flatMap(callsIn)
  const message = { ...encodeMessage(whose.session, answer), content, tool_calls: calls.map(encodeCall) }
  const complete: ServerEvent = { type: 'complete', data: { message } }
  return content === '' ? [complete] : [{ type: 'chunk', data: { content } }, complete]
}

/** The rounds of an answer, without earlier answers to the same question that broke off. */
function roundsOf(answer: StoredAssistantMessage, messages: readonly StoredMessage[]): StoredAssistantMessage[] {
  const end = messages.findIndex(({ id }) => id === answer.id)
  const start = messages.findLastIndex((message, at) => at < end && isEnd(message))
  const rounds = messages.slice(start + 1, end)
  return [...rounds.filter((message) => message.role === 'assistant'), answer]
}

function isEnd(message: StoredMessage): boolean {
  if (message.role === 'assistant') return message.status !== 'completed' || callsIn(message).length === 0
  return message.role === 'user'
}
