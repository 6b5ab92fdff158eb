import type { Fields } from '../../chat/message.ts'
import type { EmbeddingRequest } from '../../chat/task.ts'

/** Encodes a request for an upstream of this dialect. @param asksBase64 whether the upstream is known to answer in base64 */
export function encodeEmbeddings(request: EmbeddingRequest, asksBase64: boolean): Fields {
  const { model, inputs, dimensions, extra } = request
  return {
    model,
    input: inputs,
    ...(dimensions !== undefined && { dimensions }),
    // numbers are what every server gives if it is not asked for something else
    ...(asksBase64 && { encoding_format: 'base64' }),
    ...extra,
  }
}
