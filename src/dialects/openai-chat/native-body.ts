import type { Fields, Message } from '../../chat/message.ts'
import type { ChatRequest, NativeRequest } from '../../chat/request.ts'
import { isFields } from '../fields.ts'
import { hasGatewayMembers } from '../gateway-members.ts'
import { decodeMessage } from './decode-message.ts'
import { dialect } from './dialect.ts'
import { isPlainMessage, membersOfPlain, type PlainMessage } from './plain-message.ts'

/** A body that is plain: an upstream of this dialect may get it as it came. */
export interface PlainBody extends Fields {
  readonly messages: readonly PlainMessage[]
}

/** More messages are read in steps. */
const maxPlainMessages = 2_000

/** Whether a body's messages are plain, and no other member would be left out or rewritten. */
export function isPlainBody(body: unknown): body is PlainBody {
  if (!isFields(body) || hasGatewayMembers(body)) return false
  return isPlainList(body.messages) && !hasIdleMembers(body) && hasPlainStream(body)
}

function isPlainList(messages: unknown): boolean {
  if (!Array.isArray(messages) || messages.length === 0 || messages.length > maxPlainMessages) return false
  return messages.every(isPlainMessage)
}

/** Whether the body has members that mean nothing. Some services refuse them. */
function hasIdleMembers(body: Fields): boolean {
  for (const name in body) if (body[name] === null || name === '__proto__') return true
  return isEmptyList(body.tools) || isEmptyList(body.functions)
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

function hasPlainStream({ stream, stream_options: options }: Fields): boolean {
  if (options === undefined) return stream === undefined || typeof stream === 'boolean'
  return stream === true && isFields(options) && options.include_usage === true
}

/** What was decoded from the members of a body, except for its messages. */
export type DecodedMembers = Pick<ChatRequest, 'parameters' | 'spelling' | 'sent' | 'extra'>

/** A request's plain body. Its messages are decoded when they are first read, because few upstreams need that. */
export class NativeBody implements NativeRequest {
  readonly dialect = dialect
  readonly value: PlainBody
  /** The JSON of the body, if it is known. */
  readonly bytes: Uint8Array | undefined
  readonly #members: DecodedMembers
  #messages: readonly Message[] | undefined

  constructor(value: PlainBody, members: DecodedMembers, bytes?: Uint8Array) {
    this.value = value
    this.bytes = bytes
    this.#members = members
  }

  get messages(): readonly Message[] {
    this.#messages ??= this.value.messages.map((message) => decodeMessage(membersOfPlain(message)))
    return this.#messages
  }

  /** A layer that changes the messages has read them, so messages that were never decoded are unchanged. */
  isIntact(request: ChatRequest): boolean {
    const { parameters, spelling, sent, extra } = this.#members
    if (request.parameters !== parameters || request.extra !== extra) return false
    if (request.sent !== sent || request.spelling !== spelling) return false
    return this.#messages === undefined || request.messages === this.#messages
  }
}
