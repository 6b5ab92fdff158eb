import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import { errorSchema } from '../../../dialects/openai-chat/error-schema.ts'
import type { Surface } from '../surface.ts'
import { chatCompletions } from './chat-completions.ts'
import { listModels, retrieveModel } from './models.ts'
import { schemas } from './schemas.ts'

const shared = { access: 'client', cors: true } as const

/** OpenAI's API. */
export const surface: Surface = {
  name: 'openai',
  base: '/v1',
  error: encodeFailure,
  failure: 'Error',
  schemas: { ...schemas, Error: errorSchema },
  hint: 'The base URL of an OpenAI client ends in "/v1"',
  routes: [
    {
      ...shared,
      method: 'POST',
      path: '/v1/chat/completions',
      summary: 'Answers a chat',
      takes: 'ChatCompletionRequest',
      gives: 'ChatCompletion',
      streams: 'ChatCompletionChunk',
      handler: chatCompletions,
    },
    {
      ...shared,
      method: 'GET',
      path: '/v1/models',
      summary: 'Lists the models of every upstream',
      gives: 'ModelList',
      handler: listModels,
    },
    {
      ...shared,
      method: 'GET',
      path: '/v1/models/{model+}',
      summary: 'Shows one model',
      gives: 'Model',
      handler: retrieveModel,
    },
  ],
}
