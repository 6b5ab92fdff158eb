import type { Fields, Message } from '../../chat/message.ts'
import type { ChatRequest, NativeRequest, Parameter, Parameters } from '../../chat/request.ts'
import { spliceModel } from '../splice-model.ts'
import { acceptableBody } from './acceptable-messages.ts'
import { decodeMessages } from './decode-messages.ts'
import { dialect } from './dialect.ts'
import { isPlainConversation } from './plain-conversation.ts'

/** What was decoded from the members of a body, except for its messages. */
type MessagesMembers = Pick<ChatRequest, 'parameters' | 'extra'>

/**
 * The body of a request, and what was decoded from it. An upstream of this dialect gets what has not changed since as it came. The
 * messages of a plain body are decoded when they are first read, because few upstreams need that.
 */
export class NativeMessages implements NativeRequest {
  readonly dialect = dialect
  readonly isComplete = true
  readonly value: Fields
  /** The JSON of the body, if it is known. */
  readonly bytes: Uint8Array | undefined
  /** Whether the messages have the documented form. */
  readonly isPlain: boolean
  #messages: readonly Message[] | undefined
  #members: MessagesMembers | undefined

  /** @throws ChatError `invalid-request` for messages that cannot be read */
  constructor(value: Fields, bytes?: Uint8Array) {
    this.value = value
    this.bytes = bytes
    this.isPlain = isPlainConversation(value)
    if (!this.isPlain) this.#messages = decodeMessages(value)
  }

  get messages(): readonly Message[] {
    this.#messages ??= decodeMessages(this.value)
    return this.#messages
  }

  /** Notes what else was decoded from the body. */
  note(members: MessagesMembers): void {
    this.#members = members
  }

  /** A layer that changes the messages has read them, so messages that were never decoded are unchanged. */
  isIntact(request: ChatRequest): boolean {
    if (request.parameters !== this.#members?.parameters || request.extra !== this.#members.extra) return false
    return this.#messages === undefined || request.messages === this.#messages
  }

  /** Whether Anthropic accepts the messages as they are. */
  isAcceptable(): boolean {
    return this.isPlain || acceptableBody(this.value) === this.value
  }

  /** Returns the number of messages that the request still begins with; undefined if it does not begin with all of them. */
  kept({ messages }: ChatRequest): number | undefined {
    const known = this.messages
    return known.every((message, at) => messages[at] === message) ? known.length : undefined
  }

  /** Whether one of these parameters has another value than in the body. */
  hasChanged({ parameters }: { readonly parameters: Parameters }, names: readonly Parameter[]): boolean {
    return names.some((name) => parameters[name] !== this.#members?.parameters[name])
  }
}

/**
 * Returns the bytes of a request's own body, with the model's new name. It returns undefined if the request was changed, or if
 * the bytes do not say all of it. Then the request must be encoded.
 */
export function relayRequest(request: ChatRequest): readonly Uint8Array[] | undefined {
  const { native, model, stream } = request
  if (!(native instanceof NativeMessages) || !native.bytes || !native.isIntact(request)) return undefined
  if ((native.value.stream ?? false) !== stream || !native.isAcceptable()) return undefined
  return spliceModel(native.bytes, { from: String(native.value.model), to: model })
}
