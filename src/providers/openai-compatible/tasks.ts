import type { Fields } from '../../chat/message.ts'
import type { Secret } from '../../chat/secret.ts'
import { type EmbeddingRequest, taskRoutes } from '../../chat/task.ts'
import { openaiTasks, readsOpenaiTokens } from '../../clients/openai-tasks/openai-tasks.ts'
import { encodeEmbeddings } from '../../dialects/openai-embeddings/encode-request.ts'
import { type BaseUrl, routeOf } from '../../wire/base-url.ts'
import type { UpstreamTasks } from '../provider.ts'
import { deploymentIn, headersFor } from './azure.ts'

interface TaskServer {
  readonly headers: Readonly<Record<string, string>>
  /** Limit for the inputs of one request for embeddings, if it is known. */
  readonly maxInputs: number | undefined
  /** Members that a request's wishes add to its body. */
  added(request: Pick<EmbeddingRequest, 'wishes'>): Fields | undefined
}

/** What a server of OpenAI's dialect serves beside chats. It shows when it is asked. */
export function tasksAt(base: BaseUrl, { headers, maxInputs, added }: TaskServer): UpstreamTasks<Secret | undefined> {
  const isOpenai = new URL(base.url).hostname === 'api.openai.com'
  const deployment = deploymentIn(base)
  return openaiTasks({
    urlOf: (task) => routeOf(base, taskRoutes[task]),
    headersOf: (key: Secret | undefined) => headersFor(base, headers, key),
    encodeEmbeddings: (request) => ({
      ...encodeEmbeddings(request, request.wantsBase64 && isOpenai),
      ...added(request),
    }),
    added,
    takesTokens: (model) => deployment !== undefined || readsOpenaiTokens(model),
    ...(maxInputs && { maxInputs }),
  })
}
