import { asChatError, ChatError } from '../../../chat/error.ts'
import type { ChatRequest } from '../../../chat/request.ts'
import type { Secret } from '../../../chat/secret.ts'
import { askOpenaiChat, bearer } from '../../../clients/openai-chat/ask-openai-chat.ts'
import { encodeRequest } from '../../../dialects/openai-chat/encode-request.ts'
import { beginAttempt } from '../../../flow/call.ts'
import type { Cancel } from '../../../flow/cancel.ts'
import type { Chat } from '../../../flow/chat.ts'
import { type Batch, batches, type Flow, flowOf } from '../../../flow/flow.ts'
import { watch } from '../../../flow/watch.ts'
import { parseBaseUrl, routeOf, routesOfOpenai } from '../../../wire/base-url.ts'
import type { Pinned } from '../../../wire/egress.ts'

/**
 * Asks a caller's own server, which has OpenAI's dialect, with the caller's own key. The client sees that the server
 * refused, but not the text of its error, so that the errors of an internal server cannot be read through the gateway.
 */
export function ownEndpoint({ url, address }: Pinned, key: Secret): Chat {
  const base = parseBaseUrl(url.href, routesOfOpenai) ?? { url: url.href, query: '' }
  const target = routeOf(base, '/chat/completions')
  return (request, call) => {
    const attempt = beginAttempt(call, { upstream: 'model_config', request })
    const ownSignal = attempt.ownSignal()
    for (const name of Object.values(request.spelling)) call.receipt.parameters.set(name, 'honoured')
    const streamFields = () => ({ stream_options: { include_usage: true } })
    const encode = (asked: ChatRequest) => encodeRequest(asked)
    const question = { url: target, address, headers: bearer(key), encode, streamFields }
    const answer = flowOf(
      (signal) => hideErrorTexts(askOpenaiChat(question, request, { ...call, signal }), signal),
      ownSignal ?? call.signal,
    )
    return watch(answer, {
      onBatch: (batch) => attempt.onBatch(batch),
      onEnd(ending) {
        attempt.onEnd(ending)
        ownSignal?.release()
      },
    })
  }
}

async function* hideErrorTexts(answer: Flow, signal: Cancel): AsyncGenerator<Batch> {
  try {
    yield* batches(answer)
  } catch (thrown) {
    signal.throwIfAborted()
    throw refused(asChatError(thrown))
  }
}

/**
 * The error for the client. Refusals of the caller's key keep their meaning; all other failures look the same.
 * Reliability, section 3
 */
function refused(error: ChatError): ChatError {
  const { reason, upstreamStatus, retryAfterMs, cause } = error
  if (reason === 'internal') return error
  const about = { cause, ...(upstreamStatus !== undefined && { upstreamStatus }) }
  const again = retryAfterMs === undefined ? {} : { retryAfterMs }
  const key = { code: 'invalid_api_key', param: 'model_config.api_key' }
  if (upstreamStatus === 401)
    return new ChatError('unauthorized', { message: 'The endpoint of base_url refused its api_key.', ...key, ...about })
  if (upstreamStatus === 403)
    return new ChatError('forbidden', { message: 'The endpoint of base_url refused this request.', ...key, ...about })
  if (reason === 'rate-limited' || reason === 'quota-exhausted')
    return new ChatError(reason, {
      message: 'The endpoint of base_url has reached its rate limit or its quota.',
      ...again,
      ...about,
    })
  return new ChatError('upstream-failed', {
    message: "The endpoint of base_url sent no valid answer in the form of OpenAI's chat completions.",
    code: 'endpoint_failed',
    ...about,
  })
}
