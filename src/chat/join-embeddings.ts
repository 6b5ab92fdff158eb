import type { EmbeddingEvent } from './task.ts'

/** Joins the answers to the parts of one request for embeddings. A usage that a part lacks is not known for the whole. */
export function joinEmbeddings(answers: readonly (readonly EmbeddingEvent[])[]): readonly EmbeddingEvent[] {
  const events = answers.flat()
  const embeddings = events.flatMap((event) => (event.type === 'embeddings' ? event.embeddings : []))
  const counts = events.flatMap((event) => (event.type === 'usage' ? (event.usage.inputTokens ?? []) : []))
  if (counts.length < answers.length) return [{ type: 'embeddings', embeddings }]
  const inputTokens = counts.reduce((sum, count) => sum + count, 0)
  return [
    { type: 'embeddings', embeddings },
    { type: 'usage', usage: { inputTokens, source: 'upstream' } },
  ]
}
