import type { Fields } from '../../chat/message.ts'
import type { ChatRequest, NativeRequest, Parameter, Parameters } from '../../chat/request.ts'
import { spliceModel } from '../splice-model.ts'
import { acceptableBody } from './acceptable-messages.ts'
import { dialect } from './dialect.ts'

/** What was decoded from a body. */
type Decoded = Pick<ChatRequest, 'messages' | 'parameters' | 'extra'>

/** The body of a request, and what was decoded from it. An upstream of this dialect gets what has not changed since as it came. */
export class NativeMessages implements NativeRequest {
  readonly dialect = dialect
  readonly value: Fields
  /** The JSON of the body, if it is known. */
  readonly bytes: Uint8Array | undefined
  readonly #decoded: Decoded

  constructor(value: Fields, decoded: Decoded, bytes?: Uint8Array) {
    this.value = value
    this.bytes = bytes
    this.#decoded = decoded
  }

  isIntact(request: ChatRequest): boolean {
    const { messages, parameters, extra } = this.#decoded
    return request.messages === messages && request.parameters === parameters && request.extra === extra
  }

  /** Returns the number of messages that the request still begins with; undefined if it does not begin with all of them. */
  kept({ messages }: ChatRequest): number | undefined {
    const known = this.#decoded.messages
    return known.every((message, at) => messages[at] === message) ? known.length : undefined
  }

  /** Whether one of these parameters has another value than in the body. */
  hasChanged({ parameters }: { readonly parameters: Parameters }, names: readonly Parameter[]): boolean {
    return names.some((name) => parameters[name] !== this.#decoded.parameters[name])
  }
}

/**
 * Returns the bytes of a request's own body, with the model's new name. It returns undefined if the request was changed, or if
 * the bytes do not say all of it. Then the request must be encoded.
 */
export function relayRequest(request: ChatRequest): readonly Uint8Array[] | undefined {
  const { native, model, stream } = request
  if (!(native instanceof NativeMessages) || !native.bytes || !native.isIntact(request)) return undefined
  if ((native.value.stream ?? false) !== stream || acceptableBody(native.value) !== native.value) return undefined
  return spliceModel(native.bytes, { from: String(native.value.model), to: model })
}
