import type { Fields } from '../../chat/message.ts'
import { isFields, typesOf } from './json-types.ts'
import type { Refs } from './refs.ts'

/** The properties of an object and which of them are required, from all parts of a schema together. */
interface Shape {
  readonly properties: ReadonlyMap<string, unknown>
  readonly required: ReadonlySet<string>
  /** Undefined if any other property is allowed. */
  readonly additional: unknown
}

const open: Shape = { properties: new Map(), required: new Set(), additional: undefined }

/** Keywords at the top that are folded into the object, or that no model API accepts there. OpenAI, function calling: an object, no combinator */
const folded = new Set(['anyOf', 'oneOf', 'allOf', '$ref', 'then', 'else', 'dependentSchemas'])
const dropped = new Set(['enum', 'const', 'not', 'if', 'type', 'properties', 'required', 'additionalProperties'])

/** Limits for the depth and the number of parts. */
const maxDepth = 8
const maxParts = 512

/** Makes one object of a schema's top. It has the properties of all alternatives, and requires those that all of them require. */
export function foldTop(root: Fields, refs: Refs): Fields {
  const folder = new Folder(refs)
  const { properties, required, additional } = folder.shapeOf(root, 0)
  const rest = Object.entries(root).filter(([name]) => !folded.has(name) && !dropped.has(name))
  const description = describe(root.description, folder.alternatives)
  return {
    ...Object.fromEntries(rest),
    ...(description !== undefined && { description }),
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.size > 0 && { required: [...required] }),
    ...(additional !== undefined && { additionalProperties: additional }),
  }
}

class Folder {
  readonly #refs: Refs
  readonly #open = new Set<unknown>()
  #parts = 0
  /** What each alternative at the top requires, if they differ. */
  alternatives: readonly (readonly string[])[] = []

  constructor(refs: Refs) {
    this.#refs = refs
  }

  /** The shape that a schema describes. It allows everything if the schema says nothing, or is too large to follow. */
  shapeOf(schema: unknown, depth: number): Shape {
    if (!isFields(schema) || this.#open.has(schema) || depth > maxDepth || ++this.#parts > maxParts) return open
    this.#open.add(schema)
    const all = Array.isArray(schema.allOf) ? schema.allOf : []
    const parts = [
      ownShape(schema),
      ...(schema.$ref === undefined ? [] : [this.shapeOf(this.#refs.find(schema.$ref), depth + 1)]),
      ...all.map((part) => this.shapeOf(part, depth + 1)),
      this.#oneOf(schema.anyOf, depth),
      this.#oneOf(schema.oneOf, depth),
      uniteShapes([schema.then, schema.else].map((part) => this.shapeOf(part, depth + 1))),
      ...Object.values(isFields(schema.dependentSchemas) ? schema.dependentSchemas : {}).map((part) =>
        uniteShapes([open, this.shapeOf(part, depth + 1)]),
      ),
    ]
    this.#open.delete(schema)
    return parts.reduce(intersectShapes)
  }

  #oneOf(list: unknown, depth: number): Shape {
    const variants = Array.isArray(list) ? list.filter((part) => this.#mayBeObject(part, 0)) : []
    if (variants.length === 0) return open
    const shapes = variants.map((part) => this.shapeOf(part, depth + 1))
    if (depth === 0) this.#note(shapes)
    return uniteShapes(shapes)
  }

  #note(shapes: readonly Shape[]): void {
    const required = shapes.map((shape) => [...shape.required])
    const isSame = required.every((names) => Bun.deepEquals(names, required[0], true))
    if (!isSame && this.alternatives.length === 0) this.alternatives = required
  }

  #mayBeObject(schema: unknown, depth: number): boolean {
    if (!isFields(schema)) return schema === true
    if (schema.$ref !== undefined && depth < maxDepth) return this.#mayBeObject(this.#refs.find(schema.$ref), depth + 1)
    const types = typesOf(schema.type)
    return (types.length === 0 || types.includes('object')) && schema.enum === undefined && schema.const === undefined
  }
}

function ownShape({ properties, required, additionalProperties: additional }: Fields): Shape {
  const names: unknown[] = Array.isArray(required) ? required : []
  return {
    properties: new Map(isFields(properties) ? Object.entries(properties) : []),
    required: new Set(names.filter((name) => typeof name === 'string')),
    additional: typeof additional === 'boolean' || isFields(additional) ? additional : undefined,
  }
}

/** The shape of two parts that both hold. A part with `additionalProperties: false` does not exclude the other part's properties: authors do not mean that, although validators read it so. */
function intersectShapes(a: Shape, b: Shape): Shape {
  const isClosed = a.additional === false || b.additional === false
  return {
    properties: joinProperties([a, b], 'allOf'),
    required: new Set([...a.required, ...b.required]),
    additional: isClosed ? false : (a.additional ?? b.additional),
  }
}

/** The shape of several parts if one of them holds. */
function uniteShapes(shapes: readonly Shape[]): Shape {
  const [first = open, ...more] = shapes
  const isSame = more.every(({ additional }) => Bun.deepEquals(additional, first.additional, true))
  return {
    properties: joinProperties(shapes, 'anyOf'),
    required: new Set([...first.required].filter((name) => more.every(({ required }) => required.has(name)))),
    additional: isSame ? first.additional : undefined,
  }
}

/** Joins the properties of several shapes. A property that they describe differently gets all descriptions, as `allOf` or `anyOf`. */
function joinProperties(shapes: readonly Shape[], how: 'allOf' | 'anyOf'): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown[]>()
  for (const { properties } of shapes)
    for (const [name, schema] of properties) {
      const known = found.get(name) ?? []
      if (!known.some((other) => Bun.deepEquals(other, schema, true))) known.push(schema)
      found.set(name, known)
    }
  return new Map([...found].map(([name, schemas]) => [name, schemas.length === 1 ? schemas[0] : { [how]: schemas }]))
}

const maxWords = 1_000

/** Adds the required properties of each alternative to the description, because the new schema does not contain them. */
function describe(description: unknown, alternatives: readonly (readonly string[])[]): string | undefined {
  const own = typeof description === 'string' ? description : undefined
  if (alternatives.length < 2) return own
  const sets = alternatives.map((names) => (names.length === 0 ? 'none of these' : names.join(' and ')))
  return `${own === undefined ? '' : `${own}\n`}Required: ${[...new Set(sets)].join(', or ')}.`.slice(0, maxWords)
}
