import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import type { Surface } from '../surface.ts'
import { chatCompletions } from './chat-completions.ts'
import { listModels, retrieveModel } from './models.ts'

const shared = { access: 'client', cors: true } as const

/** OpenAI's API. */
export const surface: Surface = {
  name: 'openai',
  error: encodeFailure,
  hint: 'The base URL of an OpenAI client ends in "/v1"',
  routes: [
    { ...shared, method: 'POST', path: '/v1/chat/completions', summary: 'Answers a chat', handler: chatCompletions },
    {
      ...shared,
      method: 'GET',
      path: '/v1/models',
      summary: 'Lists the models of every upstream',
      handler: listModels,
    },
    { ...shared, method: 'GET', path: '/v1/models/{model+}', summary: 'Shows one model', handler: retrieveModel },
  ],
}
