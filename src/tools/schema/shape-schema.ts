import type { Fields } from '../../chat/message.ts'
import { foldTop } from './fold-top.ts'
import { isFields } from './json-types.ts'
import { Refs } from './refs.ts'
import { Shaper } from './shaper.ts'

/**
 * A tool's schema as all model APIs take one: an object with `properties`, without a combinator at the top; every value of
 * a single type, or one of several (`anyOf`); every list with `items`; every reference to something that is there.
 * What it means stays, as well as that can be. Of anything at all it makes a schema; a second time it changes nothing.
 */
export function shapeSchema(schema: unknown): Fields {
  const root = isFields(schema) ? schema : {}
  const refs = new Refs(root)
  const shaper = new Shaper(refs)
  const shaped = shaper.object(foldTop(root, refs))
  const moved: Record<string, unknown> = {}
  for (let next = refs.next(); next; next = refs.next())
    Object.defineProperty(moved, next.name, { value: shaper.value(next.schema), enumerable: true })
  if (Object.keys(moved).length === 0) return shaped
  return { ...shaped, $defs: { ...(isFields(shaped.$defs) ? shaped.$defs : {}), ...moved } }
}
