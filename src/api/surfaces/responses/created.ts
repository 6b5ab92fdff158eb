import type { ChatError } from '../../../chat/error.ts'
import type { ChatEvent } from '../../../chat/event.ts'
import type { ResponseRequest } from '../../../dialects/openai-responses/decode-request.ts'
import type { ResponseStreamOptions } from '../../../dialects/openai-responses/encode-stream.ts'
import type { EndedResponse } from '../../../dialects/openai-responses/response-writer.ts'
import type { ContentSealer } from '../../../dialects/openai-responses/sealed-extra.ts'
import type { StreamSurface } from '../../exchange/stream-body.ts'

/** A request, and how its response is written and kept. */
export interface CreatedResponse extends ResponseRequest {
  readonly writing: ResponseStreamOptions
  readonly sealer: ContentSealer | undefined
  /** Stores the response as it is now. @throws ChatError */
  save(response: EndedResponse): Promise<void>
}

/** Writes a response as events. */
export interface ResponseSurface extends StreamSurface {
  /** Writes the beginning of a response that no model works on yet. */
  queue(): string
  event(event: ChatEvent): string
  kept(error?: ChatError): Promise<void> | undefined
}
