import type { Fields, Message } from '../../chat/message.ts'
import type { UnreadableField } from '../../chat/request.ts'
import { isFields } from '../fields.ts'
import { complaintOf, type Fault, formatPath, mustBe, refusedBody, tooMany } from '../invalid-request.ts'
import { decodeMessage } from './decode-message.ts'
import { normaliseMessage } from './normalise-message.ts'
import { ownExtra } from './own-extra.ts'
import { readMessage } from './read-message.ts'

/** Bounds far above real requests, because every item of a request is visited. */
const maxMessages = 20_000
const maxParts = 20_000
const maxCalls = 1_024
/** Undocumented forms of messages that are read. The schema is slow for them. */
const maxOdd = 64

/** Messages, parts and tool calls that are read in one step, which takes some milliseconds. */
const stepItems = 2_000

export interface DecodedMessages {
  readonly messages: readonly Message[]
  /** The first message that was not understood, if there is one. */
  readonly unread: readonly UnreadableField[]
}

/**
 * Reads a conversation, and yields after each step so that other work can run. A message that is not understood is kept as
 * it came, for an upstream of this dialect.
 * @throws ChatError `invalid-request` for a message that is not an object or has no role; `too-large`
 */
export function* decodeMessages(sent: readonly unknown[]): Generator<void, DecodedMessages> {
  if (sent.length > maxMessages) throw tooMany('messages', 'messages', maxMessages)
  let first: UnreadableField | undefined
  let odd = 0
  let items = 0
  const decode = (message: Fields, at: number): Message => {
    // after the first message that is not understood, later ones are not examined
    const read = first || odd > maxOdd ? undefined : readMessage(message)
    if (read && 'value' in read) return decodeMessage(read.value)
    odd++
    const normalised = first || odd > maxOdd ? undefined : readMessage(normaliseMessage(message))
    if (normalised && 'value' in normalised) return { ...decodeMessage(normalised.value), ...originalExtra(message) }
    first ??= complaintOf(read && 'fault' in read ? read.fault : tooOdd, ['messages', at])
    return { role: 'user', content: [], ...originalExtra(message) }
  }
  const messages: Message[] = []
  for (const [at, one] of sent.entries()) {
    const message = withRole(one, at)
    items += countItems(message, at)
    messages.push(decode(message, at))
    if (items < stepItems) continue
    items = 0
    yield
  }
  // later work on many messages takes as long as a step
  if (sent.length > stepItems && items > 0) yield
  return { messages, unread: first ? [first] : [] }
}

const tooOdd: Fault = {
  path: [],
  problem: `is one of more than ${maxOdd} messages in undocumented forms`,
  code: 'invalid_value',
}

function withRole(message: unknown, at: number): Fields {
  if (!isFields(message))
    throw refusedBody({ path: [], problem: mustBe('an object', message), code: 'invalid_type' }, ['messages', at])
  if (typeof message.role === 'string' && message.role !== '') return message
  const problem = message.role === undefined ? roles : mustBe('a string', message.role)
  throw refusedBody({ path: ['role'], problem, code: 'invalid_value' }, ['messages', at])
}

const roles = 'must be "system", "developer", "user", "assistant", "tool" or "function"'

/** Counts the message, its parts and its tool calls. @throws ChatError `too-large` */
function countItems({ content, tool_calls: calls }: Fields, at: number): number {
  const path = (name: string) => formatPath(['messages', at, name])
  if (Array.isArray(content) && content.length > maxParts) throw tooMany(path('content'), 'parts', maxParts)
  if (Array.isArray(calls) && calls.length > maxCalls) throw tooMany(path('tool_calls'), 'tool calls', maxCalls)
  return 1 + (Array.isArray(content) ? content.length : 0) + (Array.isArray(calls) ? calls.length : 0)
}

/** Members that the encoder may write. They are removed unless the original message has them. */
const encodedMembers = {
  content: undefined,
  name: undefined,
  tool_calls: undefined,
  tool_call_id: undefined,
  refusal: undefined,
}

/** Returns an extra that overwrites all encoded members, so that an upstream of this dialect gets the message unchanged. */
function originalExtra(message: Fields): Pick<Message, 'extra'> {
  return ownExtra({ ...encodedMembers, reasoning: undefined, reasoning_content: undefined, ...message })
}
