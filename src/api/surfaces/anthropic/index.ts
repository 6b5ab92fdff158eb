import { encodeFailure } from '../../../dialects/anthropic-messages/encode-error.ts'
import { asking, type Surface } from '../surface.ts'
import { countInput } from './count-tokens.ts'
import { limitHeaders } from './limit-headers.ts'
import { messages } from './messages.ts'
import { schemas } from './schemas.ts'

const shared = { method: 'POST', access: 'client', cors: true } as const

/** Anthropic's API. */
export const surface: Surface = {
  name: 'anthropic',
  base: '/v1',
  header: 'anthropic-version',
  error: encodeFailure,
  failure: 'MessagesError',
  schemas,
  // the official clients read the id of a request there
  headers: (facts) => ({ 'request-id': `req_${facts.id}`, ...limitHeaders(facts) }),
  routes: [
    {
      ...shared,
      path: '/v1/messages',
      summary: 'Answers a chat in the form of Anthropic’s Messages API',
      takes: 'MessagesRequest',
      gives: 'Message',
      streams: 'MessageEvent',
      fails: asking,
      handler: messages,
    },
    {
      ...shared,
      path: '/v1/messages/count_tokens',
      summary: 'Estimates the tokens of a request, and asks no upstream',
      takes: 'CountTokensRequest',
      gives: 'TokenCount',
      handler: countInput,
    },
  ],
}
