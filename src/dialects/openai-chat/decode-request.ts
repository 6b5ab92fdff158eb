import type { ChatRequest } from '../../chat/request.ts'
import { decodeMessage } from './decode-message.ts'
import { decodeParameters } from './decode-parameters.ts'
import { dialect } from './dialect.ts'
import { rest } from './fields.ts'
import { invalidRequest } from './invalid-request.ts'
import { WireRequest } from './schema.ts'

/** What a client asked for, and what only the encoder of its answer has to know. */
export interface DecodedRequest {
  readonly request: ChatRequest
  /** `stream_options.include_usage` */
  readonly includeUsage: boolean
}

/**
 * Reads the parsed body of a Chat Completions request.
 * @throws ChatError `invalid-request`, with the path of the first member that is wrong
 */
export function decodeRequest(body: unknown): DecodedRequest {
  const parsed = WireRequest.safeParse(body)
  if (!parsed.success) throw invalidRequest(parsed.error)
  const wire = parsed.data
  const { parameters, spelling } = decodeParameters(wire)
  const options = wire.stream_options ? rest(wire.stream_options, ['include_usage']) : undefined
  return {
    request: {
      dialect,
      model: wire.model,
      messages: wire.messages.map(decodeMessage),
      parameters,
      spelling,
      extra: {
        ...rest(wire, ['model', 'messages', 'stream', 'stream_options', ...Object.values(spelling)]),
        ...(options && { stream_options: options }),
      },
      stream: wire.stream ?? false,
    },
    includeUsage: wire.stream_options?.include_usage ?? false,
  }
}
