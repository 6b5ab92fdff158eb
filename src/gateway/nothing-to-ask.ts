import type { Caller } from '../chat/caller.ts'
import { ChatError } from '../chat/error.ts'
import { excerpt } from '../chat/secret.ts'
import type { Catalog } from './catalog.ts'
import { nearestNames } from './nearest-names.ts'

/** Returns the error for a model that does not exist for the caller, with the names of its models that were probably meant. */
export function unknownModel(
  model: string,
  catalog: Pick<Catalog, 'knownNow' | 'resolve'>,
  { mayUse }: Pick<Caller, 'mayUse'>,
): ChatError {
  const isMine = mayUse ?? (() => true)
  // what an alias stands for is told only to those who may use it
  const target = isMine(model) ? catalog.resolve(model) : model
  const what = target === model ? quoted(model) : `${quoted(target)}, for which ${quoted(model)} stands in ALIASES,`
  const names = catalog.knownNow().flatMap(({ id }) => (isMine(id) && id !== model ? [id] : []))
  const nearest = nearestNames(target, names, 3).map(quoted).join(', ')
  const hint = nearest === '' ? '' : ` The nearest names are ${nearest}.`
  return new ChatError('model-not-found', {
    message: `The model ${what} does not exist here.${hint} GET /v1/models lists those that do.`,
    param: 'model',
  })
}

/** Returns the error for a task that is asked of a panel. */
export function onlyChats(route: string): ChatError {
  return new ChatError('unsupported', {
    message: `The route "${route}" is a panel, which only chats. Name one of its models.`,
    code: 'unsupported_task',
    param: 'model',
  })
}

function quoted(name: string): string {
  return `"${excerpt(name, 200)}"`
}
