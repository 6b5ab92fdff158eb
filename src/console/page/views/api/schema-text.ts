import type { Schema } from './types.ts'

/** How deep objects are written out. */
const maxDepth = 4

/** Writes a schema as a type of TypeScript, which is shorter to read than JSON. A named schema is written by its name. */
export function schemaText(schema: Schema, depth = 0): string {
  if (schema.$ref !== undefined) return nameOf(schema.$ref)
  if (schema.contentSchema) return schemaText(schema.contentSchema, depth)
  const choices = schema.oneOf ?? schema.anyOf
  if (choices) return choices.map((choice) => schemaText(choice, depth)).join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.properties) return objectText(schema, depth)
  if (schema.items) return listText(schemaText(schema.items, depth))
  if (typeof schema.additionalProperties === 'object')
    return `{ [name]: ${schemaText(schema.additionalProperties, depth)} }`
  return wordOf(schema.type)
}

/** The names of the schemas that a schema uses, itself and further ones. */
export function namesIn(schema: Schema): readonly string[] {
  if (schema.$ref !== undefined) return [nameOf(schema.$ref)]
  if (schema.contentSchema) return namesIn(schema.contentSchema)
  const { items, additionalProperties: others } = schema
  const parts = [
    ...Object.values(schema.properties ?? {}),
    ...(schema.oneOf ?? []),
    ...(schema.anyOf ?? []),
    ...(items ? [items] : []),
    ...(typeof others === 'object' ? [others] : []),
  ]
  return [...new Set(parts.flatMap(namesIn))]
}

function objectText({ properties = {}, required = [] }: Schema, depth: number): string {
  if (depth >= maxDepth) return '{ … }'
  const indent = '  '.repeat(depth + 1)
  const lines = Object.entries(properties).map(([name, schema]) => {
    const mark = required.includes(name) ? '' : '?'
    return `${indent}${name}${mark}: ${schemaText(schema, depth + 1)}\n`
  })
  return lines.length === 0 ? '{}' : `{\n${lines.join('')}${'  '.repeat(depth)}}`
}

function listText(item: string): string {
  return item.includes(' | ') ? `(${item})[]` : `${item}[]`
}

function wordOf(type: Schema['type']): string {
  if (type === undefined) return 'any'
  return typeof type === 'string' ? type : type.join(' | ')
}

function nameOf(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1)
}
