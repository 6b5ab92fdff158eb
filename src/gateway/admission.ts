import type { ChatRequest } from '../chat/request.ts'
import type { EmbeddingRequest, RelayRequest } from '../chat/task.ts'
import type { AnyEvent } from '../flow/begin.ts'
import type { ObserverLayer } from '../flow/chat.ts'
import type { Limiter } from '../keys/limiter.ts'
import type { Catalog } from './catalog.ts'
import { callerLimits, type MeasuredRequest } from './layers/caller-limits.ts'
import { type AllowsModel, ownModels } from './layers/own-models.ts'
import { type CostOf, RequestMeasure, toolMeasure } from './measure-request.ts'
import type { Route } from './routes/route-tree.ts'

interface AdmissionOptions {
  readonly catalog: Catalog
  readonly routes: readonly Route[]
  /** Keeps each caller within its limits. */
  readonly limiter: Limiter | undefined
  readonly costOf: CostOf | undefined
  /** Keeps all callers together within what the machine can do. */
  readonly limited: ObserverLayer
}

/** What decides whether a request may run: the caller's models, the caller's limits, and those of the machine. */
export interface AdmissionLayers {
  readonly chat: ObserverLayer<ChatRequest, AnyEvent>
  /** For the caller's own model at another address. */
  readonly ownChat: ObserverLayer<ChatRequest, AnyEvent>
  readonly task: ObserverLayer<EmbeddingRequest | RelayRequest, AnyEvent>
  readonly tool: ObserverLayer<unknown, AnyEvent>
}

export function openAdmission({ catalog, routes, limiter, costOf, limited }: AdmissionOptions): AdmissionLayers {
  const measure = new RequestMeasure({ catalog, routes, costOf: costOf ?? (() => undefined) })
  const within =
    <Asked>(measured: (request: Asked) => MeasuredRequest): ObserverLayer<Asked, AnyEvent> =>
    (next) =>
      limiter ? callerLimits(limiter, measured)(limited(next)) : limited(next)
  const models =
    <Asked extends { readonly model: string }>(
      allows: AllowsModel,
      inner: ObserverLayer<Asked, AnyEvent>,
    ): ObserverLayer<Asked, AnyEvent> =>
    (next) =>
      ownModels(allows)(inner(next))
  const [chats, tasks] = [within(measure.ofChat), within(measure.ofTask)]
  const isServed: AllowsModel = (model, mayUse, signal) => catalog.allows(model, mayUse, signal)
  return {
    chat: models(isServed, chats),
    ownChat: models((model, mayUse) => mayUse(model), chats),
    task: models(isServed, tasks),
    tool: within(() => toolMeasure),
  }
}
