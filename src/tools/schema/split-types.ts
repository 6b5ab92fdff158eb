import type { Fields } from '../../chat/message.ts'
import { inferredTypes, type JsonType, typeAbout, typeOfValue } from './json-types.ts'

/** Splits a schema with several types into `anyOf`. Each alternative gets the keywords of its type; all others stay outside. */
export function splitByType(schema: Fields, types: readonly JsonType[], complete: (schema: Fields) => Fields): Fields {
  const entries = Object.entries(schema)
  const isSpecific = ([keyword]: [string, unknown]) =>
    typeAbout(keyword) !== undefined || keyword === 'enum' || keyword === 'const'
  const allowed = types.filter((type) => allows(schema, type))
  // if no listed value has one of the types, the types of the keywords are meant
  const meant = allowed.length > 0 ? allowed : inferredTypes(schema)
  const variants = meant.map((type) => complete({ type, ...ofType(entries, type) }))
  const shared = Object.fromEntries(entries.filter((entry) => !isSpecific(entry)))
  const [only] = variants
  return variants.length === 1 ? { ...shared, ...only } : { ...shared, anyOf: variants }
}

/** Whether one of the listed values has this type. */
function allows(schema: Fields, type: JsonType): boolean {
  if (Array.isArray(schema.enum)) return schema.enum.some((value) => isOf(value, type))
  return !('const' in schema) || isOf(schema.const, type)
}

function ofType(entries: readonly [string, unknown][], type: JsonType): Fields {
  const numeric = type === 'integer' ? 'number' : type
  return Object.fromEntries(
    entries.flatMap(([keyword, value]): [string, unknown][] => {
      if (keyword === 'const') return [[keyword, value]]
      if (keyword === 'enum') return Array.isArray(value) ? [[keyword, value.filter((one) => isOf(one, type))]] : []
      return typeAbout(keyword) === numeric ? [[keyword, value]] : []
    }),
  )
}

function isOf(value: unknown, type: JsonType): boolean {
  const own = typeOfValue(value)
  return own === type || (own === 'integer' && type === 'number')
}
