import type { Model } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import type { ModelFacts } from '../../dialects/anthropic-messages/encode-request.ts'
import type { Call } from '../../flow/call.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Flow } from '../../flow/flow.ts'
import { RefusedFields } from '../../wire/refused-fields.ts'
import { askMessages, headersFor, type MessagesService } from './ask-messages.ts'
import { listModels } from './list-models.ts'

/** Endings that a copied base URL may have. They are removed, because each route begins with the version. */
export const routesOfMessages = [
  '/v1/messages/count_tokens',
  '/v1/messages',
  '/v1/models',
  '/v1',
] as const satisfies readonly string[]

/** A service with Anthropic's Messages API, as its adapter uses it. */
interface OpenedMessages {
  listModels(key: Secret | undefined, signal: Cancel): Promise<readonly Model[]>
  ask(key: Secret | undefined, request: ChatRequest, call: Call): Flow
}

/** Opens a service. What it says of its models is remembered. */
export function openMessages(address: Pick<MessagesService, 'origin' | 'headers' | 'takesBearer'>): OpenedMessages {
  const facts = new Map<string, ModelFacts>()
  const service: MessagesService = {
    ...address,
    refused: new RefusedFields(),
    factsOf: (model) => facts.get(model) ?? {},
    learn: (model, known) => void facts.set(model, known),
  }
  return {
    async listModels(key, signal) {
      const found = await listModels(service.origin, headersFor(service, key), signal)
      for (const { model, facts: known } of found) facts.set(model.id, known)
      return found.map(({ model }) => model)
    },
    ask: (key, request, call) => askMessages({ service, key }, request, call),
  }
}
