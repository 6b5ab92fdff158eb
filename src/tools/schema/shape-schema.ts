import type { Fields } from '../../chat/message.ts'
import { foldTop } from './fold-top.ts'
import { isFields } from './json-types.ts'
import { Refs } from './refs.ts'
import { Shaper } from './shaper.ts'

/**
 * Turns a tool's schema into one that all model APIs accept: an object with `properties` and without a combinator at the top;
 * a single type for every value, or `anyOf` with several; `items` for every list; no reference without a target. It keeps
 * the meaning as far as possible. It accepts any value, and a second run changes nothing.
 */
export function shapeSchema(schema: unknown): Fields {
  const root = isFields(schema) ? schema : {}
  const refs = new Refs(root)
  const shaper = new Shaper(refs)
  const shaped = shaper.object(foldTop(root, refs))
  const movedDefinitions: Record<string, unknown> = {}
  for (let next = refs.next(); next; next = refs.next())
    Object.defineProperty(movedDefinitions, next.name, { value: shaper.value(next.schema), enumerable: true })
  if (Object.keys(movedDefinitions).length === 0) return shaped
  return { ...shaped, $defs: { ...(isFields(shaped.$defs) ? shaped.$defs : {}), ...movedDefinitions } }
}
