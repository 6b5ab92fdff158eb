import { isDeepStrictEqual } from 'node:util'
import type { Fields } from '../../chat/message.ts'
import { isFields, typesOf } from './json-types.ts'
import type { Refs } from './refs.ts'

/** What an object may hold, out of the parts of a schema that say it together. */
interface Shape {
  readonly properties: ReadonlyMap<string, unknown>
  readonly required: ReadonlySet<string>
  /** Undefined where anything may be there beside. */
  readonly additional: unknown
}

const open: Shape = { properties: new Map(), required: new Set(), additional: undefined }

/** Folded into the object, or not known to any model API at the top. OpenAI, function calling: an object, no combinator */
const folded = new Set(['anyOf', 'oneOf', 'allOf', '$ref', 'then', 'else', 'dependentSchemas'])
const dropped = new Set(['enum', 'const', 'not', 'if', 'type', 'properties', 'required', 'additionalProperties'])

/** Parts that stand inside each other, and all of them. */
const maxDepth = 8
const maxParts = 512

/** The top of a schema as one object: of alternatives all properties, and those required that all of them require. */
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
  /** What the alternatives at the top require, where they differ. */
  alternatives: readonly (readonly string[])[] = []

  constructor(refs: Refs) {
    this.#refs = refs
  }

  /** What a schema says of an object; everything may be there where it says nothing, or too much to be followed. */
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
      union([schema.then, schema.else].map((part) => this.shapeOf(part, depth + 1))),
      ...Object.values(isFields(schema.dependentSchemas) ? schema.dependentSchemas : {}).map((part) =>
        union([open, this.shapeOf(part, depth + 1)]),
      ),
    ]
    this.#open.delete(schema)
    return parts.reduce(both)
  }

  #oneOf(list: unknown, depth: number): Shape {
    const variants = Array.isArray(list) ? list.filter((part) => this.#mayBeObject(part, 0)) : []
    if (variants.length === 0) return open
    const shapes = variants.map((part) => this.shapeOf(part, depth + 1))
    if (depth === 0) this.#note(shapes)
    return union(shapes)
  }

  #note(shapes: readonly Shape[]): void {
    const required = shapes.map((shape) => [...shape.required])
    const isSame = required.every((names) => isDeepStrictEqual(names, required[0]))
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

/** What two parts say together. Each is closed to what the other has in no reader's mind but a validator's. */
function both(a: Shape, b: Shape): Shape {
  const isClosed = a.additional === false || b.additional === false
  return {
    properties: joined([a, b], 'allOf'),
    required: new Set([...a.required, ...b.required]),
    additional: isClosed ? false : (a.additional ?? b.additional),
  }
}

/** What one of several says. */
function union(shapes: readonly Shape[]): Shape {
  const [first = open, ...more] = shapes
  const isSame = more.every(({ additional }) => isDeepStrictEqual(additional, first.additional))
  return {
    properties: joined(shapes, 'anyOf'),
    required: new Set([...first.required].filter((name) => more.every(({ required }) => required.has(name)))),
    additional: isSame ? first.additional : undefined,
  }
}

/** The properties of several; one that some of them describe otherwise is all of these, or any. */
function joined(shapes: readonly Shape[], how: 'allOf' | 'anyOf'): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown[]>()
  for (const { properties } of shapes)
    for (const [name, schema] of properties) {
      const known = found.get(name) ?? []
      if (!known.some((other) => isDeepStrictEqual(other, schema))) known.push(schema)
      found.set(name, known)
    }
  return new Map([...found].map(([name, schemas]) => [name, schemas.length === 1 ? schemas[0] : { [how]: schemas }]))
}

const maxWords = 1_000

/** A model is told in words what the schema no longer says. */
function describe(description: unknown, alternatives: readonly (readonly string[])[]): string | undefined {
  const own = typeof description === 'string' ? description : undefined
  if (alternatives.length < 2) return own
  const sets = alternatives.map((names) => (names.length === 0 ? 'none of these' : names.join(' and ')))
  return `${own === undefined ? '' : `${own}\n`}Required: ${[...new Set(sets)].join(', or ')}.`.slice(0, maxWords)
}
