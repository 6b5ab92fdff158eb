import type { Fields } from '../../chat/message.ts'
import { inferredTypes, isFields, typesOf } from './json-types.ts'
import type { Refs } from './refs.ts'
import { splitByType } from './split-types.ts'

/** Limits for the depth and the number of schemas. A schema beyond them becomes "any value". */
const maxDepth = 32
const maxSchemas = 8_192

const scalars = [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }]
const anyObject = { type: 'object', properties: {} }
/** Any item of a list. Below: any value. Some model APIs refuse a schema without a type. */
const anyItem = { anyOf: [...scalars, anyObject] }
const anyValue = { anyOf: [...scalars, anyObject, { type: 'array', items: anyItem }] }
const nothing = { not: {} }

/** Keywords that replace a type. */
const untyped = ['anyOf', 'oneOf', 'allOf', '$ref', 'not']
/** A condition limits a value whose type another schema gives. */
type Position = 'value' | 'condition'

/** Keywords whose values are data, in which null is a value. */
const literals = new Set(['default', 'const', 'enum', 'examples', 'example'])
/** Keywords that are removed: they change the meaning of references, name another draft, or are for the server's own client. */
const unwanted = new Set(['$schema', '$id', '$dynamicRef', '$recursiveRef', 'additionalItems', 'x-mcp-header'])

/** Turns schemas into the shape that model APIs accept. All schemas of a tool share one limit. */
export class Shaper {
  readonly #refs: Refs
  #depth = 0
  #count = 0

  constructor(refs: Refs) {
    this.#refs = refs
  }

  /** Shapes the folded top of a schema. */
  object(top: Fields): Fields {
    const shaped = this.#fields(top, 'value')
    return complete({ ...shaped, type: 'object' })
  }

  value(schema: unknown, position: Position = 'value'): Fields {
    if (schema === false) return nothing
    if (typeof schema === 'string') return this.value({ type: schema }, position)
    const isTooMuch = this.#depth >= maxDepth || ++this.#count > maxSchemas
    if (!isFields(schema) || isTooMuch) return position === 'value' ? anyValue : {}
    this.#depth++
    const shaped = this.#typed(this.#fields(schema, position), position)
    this.#depth--
    return shaped
  }

  /** Shapes every keyword separately. */
  #fields(schema: Fields, position: Position): Fields {
    const own = withoutForbidden(withItems(withLimits(schema)))
    const isTyped = typesOf(own.type).length > 0
    const entries = Object.entries(own).flatMap(([keyword, value]): [string, unknown][] => {
      if (((value ?? undefined) === undefined && !literals.has(keyword)) || unwanted.has(keyword)) return []
      const shaped = this.#keyword(keyword, value, isTyped ? 'condition' : position)
      return shaped === undefined ? [] : [[keyword, shaped]]
    })
    return Object.fromEntries(entries)
  }

  /** The new value of a keyword; undefined removes it. @param inner the position of an alternative */
  #keyword(keyword: string, value: unknown, inner: Position): unknown {
    switch (keyword) {
      case '$ref':
        return this.#refs.moveReference(value)
      case 'properties':
        return isFields(value) ? this.#each(value, 'value') : {}
      case '$defs':
      case 'definitions':
        return isFields(value) ? this.#each(value, 'value') : undefined
      case 'patternProperties':
      case 'dependentSchemas':
        return isFields(value) ? this.#each(value, 'condition') : undefined
      case 'items':
        return this.#items(value)
      case 'prefixItems':
        return Array.isArray(value) && value.length > 0 ? value.map((item) => this.value(item)) : undefined
      case 'additionalProperties':
        return this.#additional(value)
      case 'anyOf':
      case 'oneOf':
        return this.#variants(value, inner)
      case 'allOf':
        return this.#variants(value, 'condition')
      case 'contains':
      case 'propertyNames':
      case 'not':
      case 'if':
      case 'then':
      case 'else':
      case 'unevaluatedItems':
      case 'unevaluatedProperties':
        return typeof value === 'boolean' ? value : this.value(value, 'condition')
      default:
        return plainKeyword(keyword, value)
    }
  }

  #each(schemas: Fields, position: Position): Fields {
    return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, this.value(schema, position)]))
  }

  #items(value: unknown): Fields {
    return isFields(value) && Object.keys(value).length > 0 ? this.value(value) : anyItem
  }

  #additional(value: unknown): unknown {
    if (typeof value === 'boolean') return value
    if (!isFields(value)) return undefined
    return Object.keys(value).length === 0 ? true : this.value(value)
  }

  #variants(value: unknown, position: Position): unknown {
    const variants = Array.isArray(value) ? value.filter((variant) => variant !== false && variant !== null) : []
    return variants.length === 0 ? undefined : variants.map((variant) => this.value(variant, position))
  }

  /** Adds a type if there is none, and splits a schema with several types. */
  #typed(schema: Fields, position: Position): Fields {
    const { type: _, ...rest } = schema
    const named = typesOf(schema.type)
    const hasOther = untyped.some((keyword) => keyword in schema)
    if (named.length === 0 && (position === 'condition' || (hasOther && !('properties' in schema)))) return rest
    const types = named.length > 0 ? named : inferredTypes(rest)
    if (types.length === 0) return { ...rest, ...anyValue }
    const [only] = types
    if (types.length > 1) return hasOther ? { ...rest, type: [...types] } : splitByType(rest, types, complete)
    return complete({ ...rest, type: only }, position)
  }
}

/** Adds the keywords that a type needs. */
function complete(schema: Fields, position: Position = 'value'): Fields {
  if (schema.type === 'array') return { ...schema, items: schema.items ?? anyItem }
  if (schema.type !== 'object' || position === 'condition') return schema
  const properties = isFields(schema.properties) ? schema.properties : {}
  const required: readonly unknown[] = Array.isArray(schema.required) ? schema.required : []
  // some model APIs refuse a required property without a description
  const missing = required.filter((name) => typeof name === 'string' && !Object.hasOwn(properties, name))
  return { ...schema, properties: { ...properties, ...Object.fromEntries(missing.map((name) => [name, anyValue])) } }
}

/** Rewrites a list of schemas by position, the older form of `items`, which is no longer valid. */
function withItems(schema: Fields): Fields {
  const { items, prefixItems, additionalItems } = schema
  const places = Array.isArray(items) ? items : Array.isArray(prefixItems) ? prefixItems : undefined
  if (!places || isFields(items)) return schema
  const rest = Array.isArray(items) ? additionalItems : items
  const others = isFields(rest) ? [rest] : []
  const known = [...places, ...others].filter((item) => isFields(item))
  return {
    ...schema,
    items: known.length === 1 ? known[0] : { anyOf: known },
    ...(rest === false && schema.maxItems === undefined && { maxItems: places.length }),
  }
}

/** Rewrites draft 4's `exclusiveMinimum: true` beside the limit. */
function withLimits(schema: Fields): Fields {
  const exclusive = [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const
  return exclusive.reduce<Fields>((rest, [keyword, limit]) => {
    if (typeof rest[keyword] !== 'boolean') return rest
    const { [keyword]: isExclusive, [limit]: value, ...others } = rest
    if (typeof value !== 'number') return others
    return { ...others, [isExclusive ? keyword : limit]: value }
  }, schema)
}

function plainKeyword(keyword: string, value: unknown): unknown {
  if (keyword === 'required') {
    const names: unknown[] = Array.isArray(value) ? value : []
    const kept = [...new Set(names.filter((name) => typeof name === 'string'))]
    return kept.length > 0 ? kept : undefined
  }
  if (keyword === 'enum') return Array.isArray(value) && value.length > 0 ? value : undefined
  if (keyword === 'description' || keyword === 'title') return typeof value === 'string' ? value : undefined
  return value
}

/** Removes properties whose schema allows no value. */
function withoutForbidden(schema: Fields): Fields {
  const { properties, required } = schema
  if (!isFields(properties)) return schema
  const entries = Object.entries(properties)
  const allowed = entries.filter(([, one]) => one !== false)
  if (allowed.length === entries.length) return schema
  const forbidden = new Set<unknown>(entries.flatMap(([name, one]) => (one === false ? [name] : [])))
  const names = Array.isArray(required) ? required.filter((name) => !forbidden.has(name)) : required
  return { ...schema, properties: Object.fromEntries(allowed), required: names }
}
