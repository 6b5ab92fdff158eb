import type { Fields, Message } from '../../chat/message.ts'
import type { UnreadableField } from '../../chat/request.ts'
import { decodeMessage } from './decode-message.ts'
import { easedMessage } from './eased-message.ts'
import { isFields, ownExtra } from './fields.ts'
import { complaintOf, type Fault, formatPath, mustBe, refusedBody, tooMany } from './invalid-request.ts'
import { readMessage } from './read-message.ts'

/** Bounds, far above what is asked in earnest: every item of a request is visited. */
const maxMessages = 20_000
const maxParts = 20_000
const maxCalls = 1_024
/** Messages in other words than the documented ones that are looked into; the schema is slow where it finds something. */
const maxOdd = 64

/** Messages, parts and calls that are read before others have their turn: some milliseconds. */
const stepItems = 2_000

export interface DecodedMessages {
  readonly messages: readonly Message[]
  /** The first message that is not understood, if there is one. */
  readonly unread: readonly UnreadableField[]
}

/**
 * Reads a conversation, and yields where others may have their turn. A message that is not understood travels as it came, for an upstream of this dialect.
 * @throws ChatError `invalid-request` for what is no object, or has no role; `too-large`
 */
export function* decodeMessages(sent: readonly unknown[]): Generator<void, DecodedMessages> {
  if (sent.length > maxMessages) throw tooMany('messages', 'messages', maxMessages)
  let first: UnreadableField | undefined
  let odd = 0
  let items = 0
  const decode = (message: Fields, at: number): Message => {
    // one that is not understood is enough: what comes after it is not looked into
    const read = first || odd > maxOdd ? undefined : readMessage(message)
    if (read && 'value' in read) return decodeMessage(read.value)
    odd++
    const eased = first || odd > maxOdd ? undefined : readMessage(easedMessage(message))
    if (eased && 'value' in eased) return { ...decodeMessage(eased.value), ...asItCame(message) }
    first ??= complaintOf(read && 'fault' in read ? read.fault : tooOdd, ['messages', at])
    return { role: 'user', content: [], ...asItCame(message) }
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
  // what is done with many takes as long as a step
  if (sent.length > stepItems && items > 0) yield
  return { messages, unread: first ? [first] : [] }
}

const tooOdd: Fault = { path: [], said: `is one of more than ${maxOdd} in unusual words`, code: 'invalid_value' }

function withRole(message: unknown, at: number): Fields {
  if (!isFields(message))
    throw refusedBody({ path: [], said: mustBe('an object', message), code: 'invalid_type' }, ['messages', at])
  if (typeof message.role === 'string' && message.role !== '') return message
  const said = message.role === undefined ? roles : mustBe('a string', message.role)
  throw refusedBody({ path: ['role'], said, code: 'invalid_value' }, ['messages', at])
}

const roles = 'must be "system", "developer", "user", "assistant", "tool" or "function"'

/** The message and what is in it. @throws ChatError `too-large` */
function countItems({ content, tool_calls: calls }: Fields, at: number): number {
  const path = (name: string) => formatPath(['messages', at, name])
  if (Array.isArray(content) && content.length > maxParts) throw tooMany(path('content'), 'parts', maxParts)
  if (Array.isArray(calls) && calls.length > maxCalls) throw tooMany(path('tool_calls'), 'tool calls', maxCalls)
  return 1 + (Array.isArray(content) ? content.length : 0) + (Array.isArray(calls) ? calls.length : 0)
}

/** Members that a message is written with: those that it came without must not be there. */
const written = {
  content: undefined,
  name: undefined,
  tool_calls: undefined,
  tool_call_id: undefined,
  refusal: undefined,
}

/** What writes over all that was made of a message, so that an upstream of this dialect gets it as it came. */
function asItCame(message: Fields): Pick<Message, 'extra'> {
  return ownExtra({ ...written, reasoning: undefined, reasoning_content: undefined, ...message })
}
