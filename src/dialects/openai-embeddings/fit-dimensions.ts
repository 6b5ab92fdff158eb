import { ChatError } from '../../chat/error.ts'
import type { Embedding, EmbeddingEvent, EmbeddingRequest } from '../../chat/task.ts'
import { fromBase64 } from './base64.ts'

/**
 * Models that are trained so that the first numbers of an embedding are an embedding too (Matryoshka). Sources: OpenAI,
 * New embedding models; the model cards of the others
 */
const shortenable =
  /text-embedding-3|nomic-embed-text[:-]?v1\.5|mxbai-embed-large|jina-embeddings-v[3-5]|qwen3-embedding|embeddinggemma|snowflake-arctic-embed-(m-v1\.5|[ml]-v2)|gemini-embedding/i

/**
 * Shortens the embeddings to the dimensions that the client asked for, if the upstream ignored them.
 * @throws ChatError `unsupported` if the model's embeddings cannot be shortened
 */
export function fitDimensions(events: readonly EmbeddingEvent[], request: EmbeddingRequest): readonly EmbeddingEvent[] {
  const { dimensions, model } = request
  if (dimensions === undefined) return events
  return events.map((event) => {
    if (event.type !== 'embeddings') return event
    return { ...event, embeddings: event.embeddings.map((one) => fit(one, dimensions, model)) }
  })
}

function fit(embedding: Embedding, dimensions: number, model: string): Embedding {
  const numbers = typeof embedding === 'string' ? (fromBase64(embedding) ?? []) : embedding
  if (numbers.length === dimensions) return embedding
  if (numbers.length < dimensions || !shortenable.test(model)) throw fixedDimensions(numbers.length, dimensions)
  const first = numbers.slice(0, dimensions)
  const length = Math.hypot(...first)
  return length === 0 ? first : first.map((one) => one / length)
}

function fixedDimensions(given: number, dimensions: number): ChatError {
  return new ChatError('unsupported', {
    message: `The model gives ${given} dimensions, and its embeddings cannot be changed to ${dimensions}. Leave "dimensions" out.`,
    param: 'dimensions',
  })
}
