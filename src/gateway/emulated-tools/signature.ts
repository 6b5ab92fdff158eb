import type { Fields } from '../../chat/message.ts'
import { type FunctionTool, schemaOf } from '../../chat/request.ts'
import { resolveSchema } from './fit-schema.ts'
import { isFields } from './json-builder.ts'

/** Parts of one schema that are written. The rest of a larger one is `any`. */
const maxParts = 500
const maxDepth = 8

/**
 * Writes a tool in a few lines: its name with its arguments as in TypeScript, and what it and they are for. That is a third
 * of its JSON Schema, and models read it as well.
 */
export function signatureOf(tool: FunctionTool): string {
  const writer = new TypeWriter(schemaOf(tool))
  const { properties, required } = resolveSchema(schemaOf(tool), schemaOf(tool)) ?? {}
  const members = writer.members(isFields(properties) ? properties : {}, required, { path: '', depth: 0 })
  const about = tool.description?.trim() ? [indent(tool.description.trim())] : []
  return [`${tool.name}(${members})`, ...about, ...writer.notes.map(indent)].join('\n')
}

/** Writes a JSON Schema as a type. */
export function typeOfSchema(schema: unknown): string {
  return new TypeWriter(schema).type(schema, { path: '', depth: 0 })
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}

interface SchemaPlace {
  readonly path: string
  readonly depth: number
}

class TypeWriter {
  /** What the arguments are for. */
  readonly notes: string[] = []
  readonly #root: unknown
  #parts = 0

  constructor(root: unknown) {
    this.#root = root
  }

  members(properties: Fields, required: unknown, { path, depth }: SchemaPlace): string {
    const needed = new Set(Array.isArray(required) ? required : [])
    return Object.entries(properties)
      .map(([name, schema]) => {
        const place = { path: path === '' ? name : `${path}.${name}`, depth: depth + 1 }
        this.#note(schema, place.path)
        const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
        return `${key}${needed.has(name) ? '' : '?'}: ${this.type(schema, place)}`
      })
      .join(', ')
  }

  type(schema: unknown, place: SchemaPlace): string {
    const found = resolveSchema(schema, this.#root)
    if (!found || place.depth > maxDepth || this.#parts++ > maxParts) return 'any'
    const { enum: words, const: only, anyOf, oneOf, allOf } = found
    if (Array.isArray(words)) return words.map((word) => JSON.stringify(word)).join(' | ')
    if (only !== undefined) return JSON.stringify(only)
    const inner = (one: unknown) => this.type(one, { ...place, depth: place.depth + 1 })
    const alternatives = [anyOf, oneOf].find(Array.isArray)
    if (alternatives) return [...new Set(alternatives.map(inner))].join(' | ')
    if (Array.isArray(allOf)) return allOf.map(inner).join(' & ')
    const types: readonly unknown[] = Array.isArray(found.type) ? found.type : [found.type]
    return types.map((type) => this.#plainType(type, found, place)).join(' | ')
  }

  #plainType(type: unknown, schema: Fields, place: SchemaPlace): string {
    if (type === 'array') {
      const item = this.type(schema.items, { path: `${place.path}[]`, depth: place.depth + 1 })
      return /[|&]/.test(item) && !item.startsWith('{') ? `(${item})[]` : `${item}[]`
    }
    const { properties, required, additionalProperties: others } = schema
    if (isFields(properties) && Object.keys(properties).length > 0)
      return `{${this.members(properties, required, place)}}`
    if (type === 'object') return isFields(others) ? `{[name]: ${this.type(others, place)}}` : 'object'
    return typeof type === 'string' ? type : 'any'
  }

  #note(schema: unknown, path: string): void {
    const { description } = resolveSchema(schema, this.#root) ?? {}
    const text = isFields(schema) && typeof schema.description === 'string' ? schema.description : description
    if (typeof text === 'string' && text.trim() !== '' && this.notes.length < maxParts)
      this.notes.push(`- ${path}: ${text.trim().replaceAll('\n', '\n  ')}`)
  }
}
