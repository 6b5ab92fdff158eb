import type { ChatRequest } from '../chat/request.ts'
import type { EmbeddingRequest, RelayRequest } from '../chat/task.ts'
import type { AnswerCost } from '../flow/call.ts'
import type { ObserverLayer } from '../flow/chat.ts'
import type { RequestSize } from '../keys/key-meter.ts'
import type { Limiter } from '../keys/limiter.ts'
import type { AnswerListener } from './call-record.ts'
import type { Catalog } from './catalog.ts'
import type { CostOf } from './cost-of.ts'
import { callerLimits } from './layers/caller-limits.ts'
import { type AllowsModel, ownModels } from './layers/own-models.ts'
import { freeRequest, RequestMeasure, useOf } from './measure-request.ts'
import { unknownModel } from './nothing-to-ask.ts'
import type { Route } from './routes/route-tree.ts'

interface AdmissionOptions {
  readonly catalog: Catalog
  readonly routes: readonly Route[]
  /** Keeps each caller within its limits. */
  readonly limiter?: Limiter | undefined
  readonly costOf?: CostOf | undefined
  /** Keeps all callers together within what the machine can do. */
  readonly limited: ObserverLayer
}

/** What decides whether a request may run: the caller's models, the caller's limits, and those of the machine. */
export interface AdmissionLayers {
  readonly chat: ObserverLayer<ChatRequest>
  /** For the caller's own model at another address. */
  readonly ownChat: ObserverLayer<ChatRequest>
  readonly task: ObserverLayer<EmbeddingRequest | RelayRequest>
  readonly tool: ObserverLayer
}

export function openAdmission({
  catalog,
  routes,
  limiter,
  costOf = unknownCost,
  limited,
}: AdmissionOptions): AdmissionLayers {
  const measure = new RequestMeasure({ catalog, routes, costOf })
  const within =
    <Asked>(measured: (request: Asked) => RequestSize): ObserverLayer<Asked> =>
    (next) =>
      limiter ? callerLimits(limiter, measured)(limited(next)) : limited(next)
  const models =
    <Asked extends { readonly model: string }>(
      allows: AllowsModel,
      inner: ObserverLayer<Asked>,
    ): ObserverLayer<Asked> =>
    (next) =>
      ownModels({ allows, refusal: (model, caller) => unknownModel(model, catalog, caller) })(inner(next))
  const [chats, tasks] = [within(measure.ofChat), within(measure.ofTask)]
  const isServed: AllowsModel = (model, mayUse, signal) => catalog.allows(model, mayUse, signal)
  return {
    chat: models(isServed, chats),
    ownChat: models(
      (model, mayUse) => mayUse(model),
      within<ChatRequest>(() => freeRequest),
    ),
    task: models(isServed, tasks),
    tool: within(() => freeRequest),
  }
}

interface LimitCountOptions extends Pick<AdmissionOptions, 'limiter' | 'costOf'> {
  readonly onAnswer?: AnswerListener | undefined
}

/** Also counts what each answer has used for the limits of its caller. */
export function countForLimits({ limiter, costOf = unknownCost, onAnswer }: LimitCountOptions): AnswerListener {
  return (answer, call) => {
    limiter?.spend(call.caller, () => useOf(answer, costOf))
    onAnswer?.(answer, call)
  }
}

function unknownCost(): AnswerCost {
  return { usd: undefined, savedUsd: undefined }
}
