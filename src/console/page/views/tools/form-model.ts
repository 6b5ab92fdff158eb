/** A field of a form that is made from a JSON Schema. What the form cannot show is written as JSON. */
export type FormField = FieldTexts &
  (
    | { readonly kind: 'text'; readonly isLong: boolean }
    | { readonly kind: 'number'; readonly isWhole: boolean; readonly least?: number; readonly most?: number }
    | { readonly kind: 'boolean' }
    | { readonly kind: 'choice'; readonly options: readonly unknown[] }
    | { readonly kind: 'list'; readonly item: FormField }
    | { readonly kind: 'group'; readonly fields: readonly FormField[] }
    | { readonly kind: 'json' }
  )

interface FieldTexts {
  readonly name: string
  /** The description, as the server wrote it. */
  readonly about: string
  readonly isRequired: boolean
  /** Undefined: the schema has none. */
  readonly usual?: unknown
}

type Schema = Readonly<Record<string, unknown>>

interface FieldPlace {
  readonly name: string
  readonly isRequired: boolean
  readonly depth: number
  /** The schema that `$ref` points into. */
  readonly root: Schema
  /** How many more fields the form may have. A schema that refers to itself would make very many. */
  readonly budget: { left: number }
}

/** A schema may refer to itself, and a server may send a very large one. */
const maxDepth = 5
const maxFields = 100
const maxAll = 300
const maxText = 2_000

/** Makes the form for a tool's parameters. A schema that is none, or is no object's, is one field of JSON. */
export function readForm(schema: unknown): FormField {
  const root = isSchema(schema) && Object.keys(schema).length > 0 ? schema : { type: 'object' }
  return readField(root, { name: '', isRequired: true, depth: 0, root, budget: { left: maxAll } })
}

function readField(given: unknown, place: FieldPlace): FormField {
  const schema = resolve(given, place.root)
  const { name, isRequired, depth } = place
  const about = [schema.title, schema.description].filter(isText).join('. ').slice(0, maxText)
  const usual = schema.default
  const texts = { name, about, isRequired, ...(usual !== undefined && { usual }) }
  if (--place.budget.left < 0 || depth >= maxDepth) return { ...texts, kind: 'json' }
  if (Array.isArray(schema.enum) && schema.enum.length > 0)
    return { ...texts, kind: 'choice', options: schema.enum.slice(0, maxFields) }
  if (schema.const !== undefined) return { ...texts, kind: 'choice', options: [schema.const] }
  return { ...texts, ...shapeOf(schema, place) }
}

type Shape = FormField extends infer Field ? (Field extends FieldTexts ? Omit<Field, keyof FieldTexts> : never) : never

function shapeOf(schema: Schema, place: FieldPlace): Shape {
  switch (typeOf(schema)) {
    case 'string':
      return { kind: 'text', isLong: isLong(schema) }
    case 'number':
    case 'integer':
      return {
        ...{ kind: 'number', isWhole: typeOf(schema) === 'integer' },
        ...(typeof schema.minimum === 'number' && { least: schema.minimum }),
        ...(typeof schema.maximum === 'number' && { most: schema.maximum }),
      }
    case 'boolean':
      return { kind: 'boolean' }
    case 'array':
      return listOf(schema, place)
    case 'object':
      return groupOf(schema, place)
    default:
      return { kind: 'json' }
  }
}

function listOf({ items }: Schema, place: FieldPlace): Shape {
  if (!isSchema(items)) return { kind: 'json' }
  return { kind: 'list', item: readField(items, { ...place, name: '', isRequired: true, depth: place.depth + 1 }) }
}

/** An object whose members are not named can only be written as JSON, unless it is that of a tool without parameters. */
function groupOf({ properties, required }: Schema, place: FieldPlace): Shape {
  const { depth } = place
  const members = isSchema(properties) ? Object.entries(properties) : []
  if ((members.length === 0 && depth > 0) || members.length > maxFields) return { kind: 'json' }
  const wanted: readonly unknown[] = Array.isArray(required) ? required : []
  return {
    kind: 'group',
    fields: members
      .map(([name, member]) =>
        readField(member, { ...place, name, isRequired: wanted.includes(name), depth: depth + 1 }),
      )
      // what must be filled in comes first
      .sort((a, b) => Number(b.isRequired) - Number(a.isRequired)),
  }
}

/** The one type of a schema, apart from null: a member that may be null can be left out instead. */
function typeOf({ type, properties }: Schema): unknown {
  if (Array.isArray(type)) {
    const types: readonly unknown[] = type.filter((one) => one !== 'null')
    return types.length === 1 ? types[0] : undefined
  }
  return type ?? (isSchema(properties) ? 'object' : undefined)
}

function isLong({ maxLength, format, contentMediaType }: Schema): boolean {
  return contentMediaType !== undefined || format === 'textarea' || (typeof maxLength === 'number' && maxLength > 200)
}

/** Follows `$ref` within the schema, and takes the one part of `anyOf`, `oneOf` and `allOf` that is not null. */
function resolve(given: unknown, root: Schema): Schema {
  let schema = isSchema(given) ? given : {}
  for (let steps = 0; steps < 10; steps++) {
    const next = referred(schema, root) ?? onlyPart(schema)
    if (!next) return schema
    const { $ref: _, anyOf: __, oneOf: ___, allOf: ____, ...own } = schema
    schema = { ...next, ...own }
  }
  return {}
}

function referred({ $ref: path }: Schema, root: Schema): Schema | undefined {
  if (path === '#') return root
  if (typeof path !== 'string' || !path.startsWith('#/')) return undefined
  let found: unknown = root
  for (const part of path.slice(2).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    found = isSchema(found) && Object.hasOwn(found, name) ? found[name] : undefined
  }
  return isSchema(found) ? found : undefined
}

function onlyPart({ anyOf, oneOf, allOf }: Schema): Schema | undefined {
  const parts = [anyOf, oneOf, allOf].find(Array.isArray)
  const known = parts?.filter((part: unknown) => isSchema(part) && part.type !== 'null')
  return known?.length === 1 && isSchema(known[0]) ? known[0] : undefined
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}
