import { ChatError } from '../../chat/error.ts'
import { excerpt } from '../../chat/secret.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'

/** Whether a caller may use a model. */
export type AllowsModel = (
  model: string,
  mayUse: (model: string) => boolean,
  signal: Cancel,
) => boolean | Promise<boolean>

/** Refuses the models that a caller may not use, as if they did not exist. */
export function ownModels(allows: AllowsModel): ObserverLayer<{ readonly model: string }> {
  return (next) => (request, call) => {
    const { mayUse } = call.caller
    if (!mayUse) return next(request, call)
    return defer(async ({ signal }) => {
      if (await allows(request.model, mayUse, signal)) return next(request, call)
      throw notFound(request.model)
    }, call.signal)
  }
}

function notFound(model: string): ChatError {
  return new ChatError('model-not-found', {
    message: `The model "${excerpt(model, 200)}" does not exist here. GET /v1/models lists those that do.`,
    param: 'model',
  })
}
