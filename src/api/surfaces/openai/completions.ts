import { asChatError } from '../../../chat/error.ts'
import type { RelayEvent } from '../../../chat/task.ts'
import { isFields } from '../../../dialects/fields.ts'
import { notABody } from '../../../dialects/invalid-request.ts'
import { type CompletionOverChat, decodeCompletion } from '../../../dialects/openai-completions/decode-request.ts'
import {
  answerSupport,
  CompletionStream,
  encodeCompletion,
} from '../../../dialects/openai-completions/encode-answer.ts'
import type { Attempts } from '../../../flow/attempts.ts'
import { begin } from '../../../flow/begin.ts'
import type { Call } from '../../../flow/call.ts'
import type { Chat } from '../../../flow/chat.ts'
import { type Flow, failedFlow, flowOf } from '../../../flow/flow.ts'
import { fold } from '../../../flow/fold.ts'
import { noteLosses } from '../../../flow/losses.ts'
import { merge } from '../../../flow/merge.ts'
import { numberChoices } from '../../../gateway/layers/choices.ts'
import { answerBody } from '../../exchange/answer-chat.ts'
import type { JsonBody } from '../../exchange/read-body.ts'
import { respondJson, respondRelay, respondStream } from '../../exchange/respond.ts'
import type { RunningChat } from '../../exchange/services.ts'
import { jsonRequest } from './relay.ts'

/**
 * `POST /v1/completions`. It is relayed to an upstream that has completions. Otherwise the prompt is the message of a user,
 * and a chat model answers it.
 */
export const completions = answerBody(
  (body) => body,
  async (body, running) => {
    // a chat after a refused completion is no retry: each has the whole budget of attempts
    const attempts = running.open.call.attempts.branch()
    return (await relayed(body, running)) ?? answerOverChat(body, attempts, running)
  },
)

/** Responds with the upstream's own completion. @returns undefined if no upstream of the model has completions */
async function relayed(body: JsonBody, { exchange, open, services }: RunningChat): Promise<Response | undefined> {
  const request = jsonRequest('completion', body)
  const { gateway } = services
  if (!(await gateway.serves(request, open.call.signal))) return undefined
  exchange.isLogged = true
  const begun = await begin(gateway.relay(request, open.call)).catch(ifServed)
  return begun && respondRelay(exchange, open, begun)
}

/** Returns undefined for the failure of an upstream that turns out to have no completions. */
function ifServed(thrown: unknown): Flow<RelayEvent> | undefined {
  return asChatError(thrown).finerCode === 'unsupported_task' ? undefined : failedFlow(thrown)
}

function answerOverChat({ value }: JsonBody, attempts: Attempts, running: RunningChat): Promise<Response> {
  if (!isFields(value)) throw notABody('"model" and "prompt"')
  const decoded = decodeCompletion(value)
  const { exchange, open, services } = running
  const flow = askAll(services.gateway.chat, decoded, { ...open.call, attempts })
  const answer = noteLosses(flow, answerSupport, open.call.receipt.lost)
  exchange.isLogged = true
  const created = Math.floor(exchange.runtime.now() / 1000)
  const label = { id: `cmpl-${exchange.id}`, model: decoded.model, created }
  if (!decoded.stream)
    return respondJson(exchange, open, {
      answer: fold(answer),
      write: (folded) => ({ value: encodeCompletion(folded, label) }),
    })
  const surface = new CompletionStream(label, decoded)
  return respondStream(exchange, open, { answer, surface, keepAliveMs: services.keepAliveMs })
}

/** Asks for all prompts at the same time. The choices of the second prompt follow those of the first. */
function askAll(chat: Chat, { requests, perPrompt }: CompletionOverChat, call: Call): Flow {
  const [only, ...others] = requests
  if (only && others.length === 0) return chat(only, call)
  return flowOf((signal) => {
    const ask = (request: (typeof requests)[number]) =>
      chat(request, { ...call, signal, attempts: call.attempts.branch() })
    return numberChoices(merge(requests.map(ask)), perPrompt)
  }, call.signal)
}
