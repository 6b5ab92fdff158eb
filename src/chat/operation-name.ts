import type { Task } from './task.ts'

/**
 * The names of what is asked, in OpenTelemetry's words where it has one. Semantic conventions for generative AI, the well-known values
 * of `gen_ai.operation.name`
 */
const names: Readonly<Record<Task | 'chat', string>> = {
  chat: 'chat',
  embedding: 'embeddings',
  completion: 'text_completion',
  moderation: 'moderation',
  rerank: 'rerank',
  image: 'image_generation',
  speech: 'speech',
  transcription: 'transcription',
  translation: 'translation',
}

/** The name of what is asked, in metrics and in spans. */
export function operationName(task: Task | 'chat' = 'chat'): string {
  return names[task]
}
