import type { Fields } from '../../chat/message.ts'
import { foldTop } from './fold-top.ts'
import { isFields } from './json-types.ts'
import { Refs } from './refs.ts'
import { Shaper } from './shaper.ts'

/**
 * Turns a tool's schema into one that all model APIs accept:
 * - The top is an object with `properties`, and has no combinator such as `anyOf`.
 * - Every value has one type. If it may have several types, it has `anyOf` with one schema for each type.
 * - Every list has `items`.
 * - Every reference has a target.
 *
 * The meaning stays as close as possible. Any value is accepted, and a second run changes nothing.
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
