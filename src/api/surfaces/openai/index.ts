import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import type { Surface } from '../surface.ts'
import { chatCompletions } from './chat-completions.ts'
import { listModels, retrieveModel } from './models.ts'

/** OpenAI's API. */
export const surface: Surface = {
  name: 'openai',
  error: encodeFailure,
  hint: 'The base URL of an OpenAI client ends in "/v1"',
  routes: [
    { method: 'POST', path: '/v1/chat/completions', access: 'client', cors: true, handler: chatCompletions },
    { method: 'GET', path: '/v1/models', access: 'client', cors: true, handler: listModels },
    { method: 'GET', path: '/v1/models/{model+}', access: 'client', cors: true, handler: retrieveModel },
  ],
}
