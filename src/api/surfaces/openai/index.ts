import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import { errorSchema } from '../../../dialects/openai-chat/error-schema.ts'
import { eventNumber } from '../json-schema.ts'
import { asking, type Surface, type SurfaceRoute } from '../surface.ts'
import { chatCompletions } from './chat-completions.ts'
import { completions } from './completions.ts'
import { embeddings } from './embeddings.ts'
import { listModels, retrieveModel } from './models.ts'
import { relayForm, relayJson } from './relay.ts'
import { schemas } from './schemas.ts'
import { resumeStream } from './streams.ts'

const shared = { access: 'client', cors: true } as const

const relayed = {
  ...shared,
  method: 'POST',
  ...{ takes: 'RelayedRequest', givesBytes: ['*/*'], fails: asking },
} as const

/** The routes whose requests are relayed to upstreams that have them. */
const relayRoutes: readonly SurfaceRoute[] = [
  {
    ...{ ...relayed, path: '/v1/moderations', takes: 'ModerationRequest' },
    summary: 'Classifies texts and images',
    handler: relayJson('moderation'),
  },
  { ...relayed, path: '/v1/rerank', summary: 'Ranks documents by their relevance', handler: relayJson('rerank') },
  { ...relayed, path: '/v2/rerank', summary: 'The same, at the path of Cohere', handler: relayJson('rerank') },
  { ...relayed, path: '/v1/images/generations', summary: 'Makes images', handler: relayJson('image') },
  { ...relayed, path: '/v1/audio/speech', summary: 'Speaks a text', handler: relayJson('speech') },
  ...[
    { path: '/v1/audio/transcriptions', summary: 'Writes down speech', handler: relayForm('transcription') },
    { path: '/v1/audio/translations', summary: 'Writes down speech in English', handler: relayForm('translation') },
  ].map((route) => ({ ...relayed, takes: undefined, takesForm: 'AudioForm', ...route })),
]

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
      fails: asking,
      handler: chatCompletions,
    },
    {
      ...shared,
      method: 'POST',
      path: '/v1/embeddings',
      summary: 'Embeds texts',
      takes: 'EmbeddingsRequest',
      gives: 'Embeddings',
      fails: asking,
      handler: embeddings,
    },
    {
      ...shared,
      method: 'POST',
      path: '/v1/completions',
      summary: 'Continues a prompt',
      takes: 'CompletionRequest',
      gives: 'Completion',
      streams: 'Completion',
      fails: asking,
      handler: completions,
    },
    ...relayRoutes,
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
      fails: ['model-not-found'],
      handler: retrieveModel,
    },
    {
      ...shared,
      method: 'GET',
      path: '/v1/streams/{id}',
      summary: 'Goes on with a resumable stream',
      streams: 'ResumedEvent',
      query: { last_event_id: eventNumber },
      reads: { 'last-event-id': eventNumber },
      fails: ['not-found'],
      handler: resumeStream,
    },
  ],
}
