import { unknownReply } from '../../chat/reply-errors.ts'
import { readCount } from '../../chat/stated-usage.ts'
import type { Embedding, EmbeddingEvent } from '../../chat/task.ts'
import { isFields } from '../fields.ts'
import { isBase64 } from './base64.ts'

/**
 * Reads a reply with one embedding for each input, in any order.
 * @param count the number of the inputs
 * @throws ChatError `upstream-failed` for anything else
 */
export function decodeEmbeddingsReply(reply: unknown, count: number): readonly EmbeddingEvent[] {
  if (!isFields(reply) || !Array.isArray(reply.data) || reply.data.length !== count) throw unknownReply()
  const embeddings: Embedding[] = []
  for (const [at, item] of reply.data.entries()) {
    const place = isFields(item) ? (readCount(item.index) ?? at) : at
    if (!isFields(item) || !isEmbedding(item.embedding) || place >= count || place in embeddings) throw unknownReply()
    embeddings[place] = item.embedding
  }
  const inputTokens = isFields(reply.usage) ? inputTokensIn(reply.usage) : undefined
  return [
    { type: 'embeddings', embeddings },
    ...(inputTokens === undefined ? [] : [{ type: 'usage', usage: { inputTokens, source: 'upstream' } } as const]),
  ]
}

/** Some services state only the total, which is the same. */
function inputTokensIn({ prompt_tokens: input, total_tokens: total }: { readonly [name: string]: unknown }) {
  return readCount(input) ?? readCount(total)
}

export function isEmbedding(value: unknown): value is Embedding {
  if (typeof value === 'string') return isBase64(value)
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number')
}
