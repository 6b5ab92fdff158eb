import type { Fields } from '../../chat/message.ts'

/** The types of JSON Schema. */
const types = ['object', 'array', 'string', 'integer', 'number', 'boolean', 'null'] as const
export type JsonType = (typeof types)[number]

/** Other words that programs write for these types. */
const others: Readonly<Record<string, JsonType>> = {
  str: 'string',
  text: 'string',
  int: 'integer',
  long: 'integer',
  float: 'number',
  double: 'number',
  decimal: 'number',
  bool: 'boolean',
  list: 'array',
  tuple: 'array',
  set: 'array',
  dict: 'object',
  map: 'object',
  none: 'null',
  nil: 'null',
}

/** The known types that a schema names, each once. */
export function typesOf(type: unknown): readonly JsonType[] {
  if (type === null) return []
  const named = (Array.isArray(type) ? type : [type]).flatMap((word: unknown) => typeNamed(word) ?? [])
  const found = types.filter((known) => named.includes(known))
  return found.includes('number') ? found.filter((known) => known !== 'integer') : found
}

function typeNamed(word: unknown): JsonType | undefined {
  if (word === null) return 'null'
  if (typeof word !== 'string') return undefined
  const name = word.toLowerCase()
  return types.find((known) => known === name) ?? (Object.hasOwn(others, name) ? others[name] : undefined)
}

/** Keywords that only apply to values of some types. JSON Schema 2020-12, validation and applicators */
const keywords = {
  object:
    'properties required additionalProperties patternProperties propertyNames minProperties maxProperties ' +
    'dependentRequired dependentSchemas unevaluatedProperties',
  array:
    'items prefixItems additionalItems contains minItems maxItems uniqueItems minContains maxContains unevaluatedItems',
  string: 'minLength maxLength pattern format contentEncoding contentMediaType',
  number: 'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf',
} as const

const typesByKeyword: ReadonlyMap<string, JsonType> = new Map(
  Object.entries(keywords).flatMap(([type, words]) =>
    words.split(' ').flatMap((word) => typesOf(type).map((known): [string, JsonType] => [word, known])),
  ),
)

/** The type that a keyword applies to; `number` includes `integer`. Undefined if it applies to all types. */
export function typeAbout(keyword: string): JsonType | undefined {
  return typesByKeyword.get(keyword)
}

/** The type of a value. */
export function typeOfValue(value: unknown): JsonType {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  if (typeof value === 'string') return 'string'
  return typeof value === 'boolean' ? 'boolean' : 'object'
}

/** The types that the keywords of a schema without `type` apply to. */
export function inferredTypes(schema: Fields): readonly JsonType[] {
  if (Array.isArray(schema.enum)) return typesOf(schema.enum.map(typeOfValue))
  if (schema.const !== undefined) return [typeOfValue(schema.const)]
  const about = Object.keys(schema).flatMap((keyword) => typeAbout(keyword) ?? [])
  return typesOf(about)
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
