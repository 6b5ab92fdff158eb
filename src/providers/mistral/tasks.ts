import type { Fields } from '../../chat/message.ts'
import type { Secret } from '../../chat/secret.ts'
import { type EmbeddingRequest, type Task, taskRoutes } from '../../chat/task.ts'
import { bearer } from '../../clients/openai-chat/ask-openai-chat.ts'
import { openaiTasks } from '../../clients/openai-tasks/openai-tasks.ts'
import type { UpstreamTasks } from '../provider.ts'
import { encodeFim, translateFim } from './fim.ts'

const served: ReadonlySet<Task> = new Set(['embedding', 'moderation', 'transcription'] as const)

/** Mistral's routes beside chats: https://docs.mistral.ai/api */
export function mistralTasks(origin: string): UpstreamTasks<Secret> {
  return openaiTasks({
    serves: (task, model) => (task === 'completion' ? /codestral/.test(model) : served.has(task)),
    urlOf: (task) => `${origin}/v1${task === 'completion' ? '/fim/completions' : taskRoutes[task]}`,
    translations: { completion: { encode: encodeFim, reply: translateFim } },
    headersOf: (key: Secret) => bearer(key),
    encodeEmbeddings,
    takesTokens: () => false,
  })
}

/** Fields of Mistral's own. It answers an unknown field with 422. Mistral, Embeddings reference */
const ownFields = ['output_dtype', 'metadata']

function encodeEmbeddings({ model, inputs, dimensions, extra }: EmbeddingRequest): Fields {
  const own = ownFields.flatMap((name) => (extra[name] === undefined ? [] : [[name, extra[name]]]))
  return {
    model,
    input: inputs,
    ...(dimensions !== undefined && { output_dimension: dimensions }),
    ...Object.fromEntries(own),
  }
}
