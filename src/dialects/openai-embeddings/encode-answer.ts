import type { Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { unknownReply } from '../../chat/reply-errors.ts'
import type { Embedding, EmbeddingEvent, EmbeddingRequest } from '../../chat/task.ts'
import { fromBase64, toBase64 } from './base64.ts'

/** The answer in the form that the client asked for, whatever the upstream gave. @throws ChatError without embeddings */
export function encodeEmbeddingsAnswer(events: readonly EmbeddingEvent[], request: EmbeddingRequest): Fields {
  const { embeddings } = events.find((event) => event.type === 'embeddings') ?? {}
  if (!embeddings) throw unknownReply()
  const usage = events.find((event) => event.type === 'usage')?.usage
  const inForm = request.wantsBase64 ? asBase64 : asNumbers
  return {
    object: 'list',
    data: embeddings.map((one, index) => ({ object: 'embedding', index, embedding: inForm(one) })),
    model: request.model,
    usage: encodeUsage(usage),
  }
}

function asBase64(embedding: Embedding): string {
  return typeof embedding === 'string' ? embedding : toBase64(embedding)
}

function asNumbers(embedding: Embedding): readonly number[] {
  return typeof embedding === 'string' ? (fromBase64(embedding) ?? []) : embedding
}

function encodeUsage({ inputTokens = 0, source }: Partial<Usage> = {}): Fields {
  return { prompt_tokens: inputTokens, total_tokens: inputTokens, ...(source === 'estimate' && { estimated: true }) }
}
