import type { Caller } from '../../chat/caller.ts'
import type { ChatError } from '../../chat/error.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'

/** Whether a caller may use a model. */
export type AllowsModel = (
  model: string,
  mayUse: (model: string) => boolean,
  signal: Cancel,
) => boolean | Promise<boolean>

export interface ModelRules {
  readonly allows: AllowsModel
  /** Returns the error for a model that does not exist for the caller. */
  refusal(model: string, caller: Caller): ChatError
}

/** Refuses the models that a caller may not use, as if they did not exist. */
export function ownModels({ allows, refusal }: ModelRules): ObserverLayer<{ readonly model: string }> {
  return (next) => (request, call) => {
    const { mayUse } = call.caller
    if (!mayUse) return next(request, call)
    return defer(async ({ signal }) => {
      if (await allows(request.model, mayUse, signal)) return next(request, call)
      throw refusal(request.model, call.caller)
    }, call.signal)
  }
}
