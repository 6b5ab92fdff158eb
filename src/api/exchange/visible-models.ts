import type { Caller } from '../../chat/caller.ts'
import type { ListedModel } from '../../gateway/known-models.ts'

type Models = readonly ListedModel[]

/** The models that callers may use, by the rule of a key. The catalog gives the same list until a model changes. */
const visible = new WeakMap<Models, WeakMap<object, Models>>()

/** Returns the models that a caller may use, the same array for the same list and key. */
export function visibleModels(models: Models, { mayUse }: Caller): Models {
  if (!mayUse) return models
  const known = visible.get(models) ?? new WeakMap<object, Models>()
  visible.set(models, known)
  const found = known.get(mayUse) ?? models.filter(({ id }) => mayUse(id))
  known.set(mayUse, found)
  return found
}
