import { ChatError } from '../../chat/error.ts'
import { callsOf, type Message, type Part } from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { splitTurn } from '../../chat/turn.ts'

/** cto.new accepts one text. It is an agent with its own tools, and supports no parameter of a client. Upstreams 2.3 */
export const support: Support = {
  parameters: { choices: 'emulated' },
  parts: ['text', 'refusal', 'reasoning'],
}

/**
 * The prompt with the messages since the last answer, for a thread that has the earlier ones.
 * @returns undefined if there are none, for example if the answer itself should be continued
 */
export function newestPrompt({ messages }: ChatRequest): string | undefined {
  const news = joinTexts(splitTurn(messages).turn)
  return news.trim() === '' ? undefined : news
}

/** The prompt with the whole conversation as one text, for a new thread. Instructions come first. */
export function wholePrompt({ messages }: ChatRequest): string {
  const { before, turn } = splitTurn(messages.filter(({ role }) => !isInstruction(role)))
  const instructions = messages
    .filter(({ role }) => isInstruction(role))
    .map(wordsOf)
    .join('\n\n')
  const history = before.map((message) => `${speakers[message.role]}: ${wordsOf(message)}`).join('\n\n')
  const news = joinTexts(turn)
  const heading = history !== '' && news !== '' ? 'The newest message:' : ''
  return checkText(
    [instructions, history && `The conversation so far:\n\n${history}`, heading, news]
      .filter((text) => text !== '')
      .join('\n\n'),
  )
}

const speakers: Readonly<Record<Message['role'], string>> = {
  system: 'System',
  developer: 'System',
  user: 'User',
  assistant: 'Assistant',
  tool: 'Tool',
}

function isInstruction(role: Message['role']): boolean {
  return role === 'system' || role === 'developer'
}

function joinTexts(messages: readonly Message[]): string {
  return messages.map(wordsOf).join('\n\n')
}

function wordsOf(message: Message): string {
  const text = message.content.map(wordsOfPart).join('')
  if (message.role !== 'assistant') return text
  return [text, ...callsOf(message).map(({ name, arguments: json }) => `(calls ${name} with ${json || '{}'})`)]
    .filter((text) => text !== '')
    .join('\n')
}

/** The text of a part. A refusal is text of the answer too; reasoning is not. */
function wordsOfPart(part: Part): string {
  return part.type === 'text' || part.type === 'refusal' ? part.text : ''
}

function checkText(prompt: string): string {
  if (prompt.trim() !== '') return prompt
  throw new ChatError('invalid-request', {
    message: 'messages: they have no text to answer.',
    param: 'messages',
  })
}

/** The second protocol's limit for a body, and the bytes that are reserved for its other fields. Upstreams 2.3 */
const maxBodyBytes = 32 * 1024
const envelopeBytes = 256
const maxPromptBytes = Math.floor(((maxBodyBytes - envelopeBytes) * 3) / 4)

/** @throws ChatError `invalid-request` for a prompt that is too long for the second protocol */
export function checkLength(prompt: string): void {
  if (Buffer.byteLength(prompt) <= maxPromptBytes) return
  throw new ChatError('invalid-request', {
    message: `messages: cto.new accepts at most ${maxPromptBytes} bytes of text. Send less of the conversation.`,
    code: 'context_length_exceeded',
    param: 'messages',
  })
}

/** The body of `POST /engine-agent/chat` in the first protocol. */
export function encodeV1(model: string, chatHistoryId: string, prompt: string): string {
  return JSON.stringify({ prompt, chatHistoryId, adapterName: model })
}

/** The body of `POST /engine-agent/chat` in the second protocol, where the model is a setting of the account. */
export function encodeV2(chatHistoryId: string, prompt: string): string {
  const encoded = Buffer.from(prompt).toString('base64')
  return JSON.stringify({ prompt: encoded, chatHistoryId, encoded: true, imageUrls: [] })
}
