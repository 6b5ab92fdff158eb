import type { Fields } from '../../chat/message.ts'

/** A JSON schema of `openapi.json`. Members that it does not name are allowed too. */
export type JsonSchema = Fields

export const text: JsonSchema = { type: 'string' }
/** A text that says something. */
export const nonEmpty: JsonSchema = { type: 'string', minLength: 1 }
/** A text that is more than white space. */
export const meaningful: JsonSchema = { type: 'string', pattern: '[^\\s\\uFEFF]' }
/** The number of an event of a stream, or nothing. */
export const eventNumber: JsonSchema = { type: 'string', pattern: '^([0-9]{1,15})?$' }
export const integer: JsonSchema = { type: 'integer' }
export const number: JsonSchema = { type: 'number' }
export const flag: JsonSchema = { type: 'boolean' }
export const anyObject: JsonSchema = { type: 'object' }

export function orNull(schema: JsonSchema): JsonSchema {
  const { type, enum: values, ...others } = schema
  if (type === undefined) return anyOf(schema, { type: 'null' })
  return { ...others, type: [type, 'null'], ...(Array.isArray(values) && { enum: [...values, null] }) }
}

export function oneOf(...values: readonly string[]): JsonSchema {
  return { type: 'string', enum: values }
}

/** One of several forms. */
export function anyOf(...schemas: readonly JsonSchema[]): JsonSchema {
  return { anyOf: schemas }
}

/** A whole number in these bounds, both included. */
export function wholeFrom(minimum: number, maximum: number): JsonSchema {
  return { type: 'integer', minimum, maximum }
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items }
}

/** A reference to another schema of `openapi.json`. */
export function named(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` }
}

/** An object with these members. A member whose name ends in `?` is optional. */
export function objectOf(members: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const names = Object.keys(members)
  const properties = Object.fromEntries(
    Object.entries(members).map(([name, schema]) => [name.replace('?', ''), schema]),
  )
  const required = names.filter((name) => !name.endsWith('?'))
  return { type: 'object', properties, ...(required.length > 0 && { required }) }
}

const upstreamNames = orNull({ anyOf: [text, listOf(text)] })
const wish = orNull(flag)

/** What a client may want of this gateway, as a member of any request (`dialects/gateway-members.ts`). */
export const wishes = {
  'tributary?': orNull(
    objectOf({
      ...{ 'emulate?': wish, 'continue?': wish, 'hedge?': wish, 'fallback?': wish },
      ...{ 'order?': upstreamNames, 'only?': upstreamNames, 'not?': upstreamNames },
    }),
  ),
}
