import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import { errorSchema } from '../../../dialects/openai-chat/error-schema.ts'
import { jsonResponse } from '../../exchange/exchange.ts'
import { oneOf, text } from '../json-schema.ts'
import { asking, type Surface } from '../surface.ts'
import { compactInput } from './compact.ts'
import { countInput } from './count-input.ts'
import { createResponse } from './create.ts'
import { schemas } from './schemas.ts'
import { cancelResponse, deleteResponse, listInput, retrieveResponse } from './stored.ts'

const shared = { access: 'client', cors: true } as const

const noWebSocket = {
  message: 'Send POST: responses are not given over a WebSocket.',
  ...{ type: 'invalid_request_error', param: null, code: 'upgrade_impossible' },
}

/** OpenAI's Responses API, which Codex speaks. */
export const surface: Surface = {
  name: 'responses',
  base: '/v1',
  error: encodeFailure,
  failure: 'Error',
  schemas: { ...schemas, Error: errorSchema },
  routes: [
    {
      ...shared,
      method: 'POST',
      path: '/v1/responses',
      summary: 'Answers a chat in the form of the Responses API',
      takes: 'ResponseRequest',
      gives: 'Response',
      streams: 'ResponseEvent',
      fails: asking,
      handler: createResponse,
    },
    {
      ...shared,
      method: 'GET',
      path: '/v1/responses',
      summary: 'Refuses a WebSocket, so that clients go on over HTTP',
      answers: { 426: 'Error' },
      // Codex goes on at once after this status, but tries seven times after 404
      handler: (exchange) => jsonResponse(exchange, { error: noWebSocket }, { status: 426 }),
    },
    {
      ...shared,
      method: 'POST',
      path: '/v1/responses/input_tokens',
      summary: 'Estimates the tokens of a request',
      takes: 'ConversationRequest',
      gives: 'InputTokens',
      handler: countInput,
    },
    {
      ...shared,
      method: 'POST',
      path: '/v1/responses/compact',
      summary: 'Writes a summary of a conversation, which then stands in its place',
      takes: 'ConversationRequest',
      gives: 'Compaction',
      fails: asking,
      handler: compactInput,
    },
    {
      ...shared,
      method: 'GET',
      path: '/v1/responses/{id}',
      summary: 'Shows a response that was kept, or the events of one that is made in the background',
      gives: 'Response',
      streams: 'ResponseEvent',
      query: { stream: text, starting_after: { type: 'string', pattern: '^[0-9]{1,15}$' } },
      fails: ['not-found'],
      handler: retrieveResponse,
    },
    {
      ...shared,
      method: 'DELETE',
      path: '/v1/responses/{id}',
      summary: 'Forgets a response',
      gives: 'DeletedResponse',
      fails: ['not-found'],
      handler: deleteResponse,
    },
    {
      ...shared,
      method: 'POST',
      path: '/v1/responses/{id}/cancel',
      summary: 'Stops a response that is made in the background',
      gives: 'Response',
      fails: ['not-found'],
      handler: cancelResponse,
    },
    {
      ...shared,
      method: 'GET',
      path: '/v1/responses/{id}/input_items',
      summary: 'Lists the items of a request',
      gives: 'InputItems',
      query: { order: oneOf('asc', 'desc'), after: text, limit: text },
      fails: ['not-found'],
      handler: listInput,
    },
  ],
}
