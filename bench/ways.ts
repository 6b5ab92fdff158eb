import { post } from './chat-request.ts'
import type { Child } from './child.ts'

/** A way through the gateway: a surface, and the dialect of the upstream behind it. */
export type Way = {
  readonly name: string
  /** Whether the client and the upstream speak the same dialect, so that bytes are relayed. */
  readonly isEqual: boolean
  readonly request: (model: string, stream: boolean) => Buffer
}

const messages = [{ role: 'user', content: 'Say tok.' }]

function messagesWay(upstream: 'anthropic' | 'openai'): Way['request'] {
  return (model, stream) =>
    post('/v1/messages', { model: `${upstream}/${model}`, max_tokens: 1_024, messages, ...(stream && { stream }) })
}

/** The response is not stored, as Codex wants it. */
function responsesWay(upstream: 'responses' | 'openai'): Way['request'] {
  return (model, stream) =>
    post('/v1/responses', { model: `${upstream}/${model}`, input: 'Say tok.', store: false, ...(stream && { stream }) })
}

/** The first way is the one that the others are compared with. */
export const ways: readonly [Way, ...Way[]] = [
  {
    name: '/v1/chat/completions over chat completions',
    isEqual: true,
    request: (model, stream) => {
      const streamed = stream && { stream, stream_options: { include_usage: true } }
      return post('/v1/chat/completions', { model: `openai/${model}`, messages, ...streamed })
    },
  },
  { name: '/v1/messages over Messages', isEqual: true, request: messagesWay('anthropic') },
  { name: '/v1/messages over chat completions', isEqual: false, request: messagesWay('openai') },
  { name: '/v1/responses over Responses', isEqual: true, request: responsesWay('responses') },
  { name: '/v1/responses over chat completions', isEqual: false, request: responsesWay('openai') },
]

/** The variables of a gateway that has the mock as an upstream of each dialect. */
export function upstreamsAt({ port }: Child, models: readonly string[]): Readonly<Record<string, string>> {
  return {
    ANTHROPIC_API_KEY: 'sk-bench',
    ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
    ANTHROPIC_MODELS: models.join(','),
    UPSTREAM_RESPONSES_URL: `http://127.0.0.1:${port}/v1`,
    UPSTREAM_RESPONSES_KEY: 'sk-bench',
    UPSTREAM_RESPONSES_API: 'responses',
    UPSTREAM_RESPONSES_MODELS: models.join(','),
  }
}
