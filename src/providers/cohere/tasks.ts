import type { Fields } from '../../chat/message.ts'
import { unknownReply } from '../../chat/reply-errors.ts'
import type { Secret } from '../../chat/secret.ts'
import { readCount } from '../../chat/stated-usage.ts'
import type { EmbeddingEvent, EmbeddingRequest } from '../../chat/task.ts'
import { bearer } from '../../clients/openai-chat/ask-openai-chat.ts'
import { openaiTasks } from '../../clients/openai-tasks/openai-tasks.ts'
import { isFields } from '../../dialects/fields.ts'
import { isEmbedding } from '../../dialects/openai-embeddings/decode-reply.ts'
import type { UpstreamTasks } from '../provider.ts'
import { readComplaint } from './complaint.ts'

/** Limit for the texts of one request. Cohere, Embed API v2 */
const maxTexts = 96

const paths = { embedding: '/v2/embed', rerank: '/v2/rerank' }

/** Cohere's embeddings, in its own dialect, and its rankings, which clients ask for in that dialect too. */
export function cohereTasks(origin: string): UpstreamTasks<Secret> {
  return openaiTasks({
    serves: (task) => task === 'embedding' || task === 'rerank',
    urlOf: (task) => `${origin}${task === 'rerank' ? paths.rerank : paths.embedding}`,
    headersOf: (key: Secret) => bearer(key),
    maxInputs: maxTexts,
    encodeEmbeddings: encodeEmbed,
    decodeEmbeddings: decodeEmbed,
    takesTokens: () => false,
    readComplaint,
  })
}

/** Cohere requires an `input_type`. What is embedded without one is most often a document. Cohere, Embed API v2 */
function encodeEmbed({ model, inputs, dimensions, extra }: EmbeddingRequest): Fields {
  return {
    model,
    texts: inputs,
    input_type: extra.input_type ?? 'search_document',
    embedding_types: ['float'],
    ...(dimensions !== undefined && { output_dimension: dimensions }),
    ...(extra.truncate !== undefined && { truncate: extra.truncate }),
  }
}

/** Reads `{embeddings: {float: […]}, meta: {billed_units: {input_tokens}}}`. */
function decodeEmbed(reply: unknown, count: number): readonly EmbeddingEvent[] {
  const all = isFields(reply) && isFields(reply.embeddings) ? reply.embeddings.float : undefined
  if (!Array.isArray(all) || all.length !== count || !all.every(isEmbedding)) throw unknownReply()
  const inputTokens = isFields(reply) ? billedTokensIn(reply.meta) : undefined
  return [
    { type: 'embeddings', embeddings: all },
    ...(inputTokens === undefined ? [] : [{ type: 'usage', usage: { inputTokens, source: 'upstream' } } as const]),
  ]
}

function billedTokensIn(meta: unknown): number | undefined {
  return isFields(meta) && isFields(meta.billed_units) ? readCount(meta.billed_units.input_tokens) : undefined
}
