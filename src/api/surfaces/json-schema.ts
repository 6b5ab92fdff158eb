import type { Fields } from '../../chat/message.ts'

/** A JSON schema of `openapi.json`. Members that it does not name are allowed too. */
export type JsonSchema = Fields

export const text: JsonSchema = { type: 'string' }
export const integer: JsonSchema = { type: 'integer' }
export const number: JsonSchema = { type: 'number' }
export const flag: JsonSchema = { type: 'boolean' }
export const anyObject: JsonSchema = { type: 'object' }

export function orNull({ type, ...others }: JsonSchema): JsonSchema {
  return { ...others, type: [type, 'null'] }
}

export function oneOf(...values: readonly string[]): JsonSchema {
  return { type: 'string', enum: values }
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
