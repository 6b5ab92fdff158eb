import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import type { Fields } from '../../chat/message.ts'
import { isFields } from './json-types.ts'
import { shapeSchema } from './shape-schema.ts'

const text = { type: 'string' }
const scalars = [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }]
const anyObject = { type: 'object', properties: {} }
const anyItem = { anyOf: [...scalars, anyObject] }
const anything = { anyOf: [...scalars, anyObject, { type: 'array', items: anyItem }] }

/** The shape of a property with this schema. */
const property = (schema: unknown) => shapeSchema({ type: 'object', properties: { p: schema } }).properties

describe('the top becomes an object with properties, without keywords that a model API refuses:', () => {
  const tops: readonly (readonly [what: string, schema: unknown, shape: Fields])[] = [
    ['nothing', undefined, anyObject],
    ['null', null, anyObject],
    ['true', true, anyObject],
    ['an empty schema', {}, anyObject],
    ['no properties', { type: 'object' }, anyObject],
    ['properties of null', { type: 'object', properties: null, required: null }, anyObject],
    ['type null', { type: null, properties: { a: text } }, { type: 'object', properties: { a: text } }],
    [
      'several types of the top',
      { type: ['object', 'null'], properties: { a: text } },
      { type: 'object', properties: { a: text } },
    ],
    [
      'additionalProperties and unknown keywords',
      { type: 'object', $schema: 'x', title: 'T', additionalProperties: false, 'x-own': [{}], examples: [null] },
      { type: 'object', properties: {}, title: 'T', additionalProperties: false, 'x-own': [{}], examples: [null] },
    ],
    [
      'anyOf',
      {
        description: 'Reads.',
        properties: { verbose: { type: 'boolean' } },
        required: ['verbose'],
        anyOf: [
          { type: 'object', properties: { id: text, n: { type: 'integer' } }, required: ['id', 'n'] },
          { type: 'object', properties: { path: text, n: { type: 'integer' } }, required: ['path', 'n'] },
          { type: 'null' },
        ],
      },
      {
        type: 'object',
        description: 'Reads.\nRequired: id and n, or path and n.',
        properties: { verbose: { type: 'boolean' }, id: text, n: { type: 'integer' }, path: text },
        required: ['verbose', 'n'],
      },
    ],
    [
      'oneOf with one property of several values',
      {
        type: 'object',
        oneOf: [
          { properties: { kind: { const: 'a' }, of: text }, required: ['kind'], additionalProperties: false },
          { properties: { kind: { const: 'b' }, of: text }, required: ['kind'], additionalProperties: false },
        ],
      },
      {
        type: 'object',
        properties: {
          kind: {
            anyOf: [
              { const: 'a', type: 'string' },
              { const: 'b', type: 'string' },
            ],
          },
          of: text,
        },
        required: ['kind'],
        additionalProperties: false,
      },
    ],
    [
      'allOf, references, and each inside the other',
      {
        $ref: '#/$defs/Base',
        allOf: [{ $ref: '#/definitions/More' }, { anyOf: [{ properties: { c: text }, required: ['c'] }] }],
        $defs: { Base: { type: 'object', properties: { a: text }, required: ['a'] } },
        definitions: { More: { properties: { b: text }, required: ['b'] } },
      },
      {
        type: 'object',
        properties: { a: text, b: text, c: text },
        required: ['a', 'b', 'c'],
        $defs: { Base: { type: 'object', properties: { a: text }, required: ['a'] } },
        definitions: { More: { type: 'object', properties: { b: text }, required: ['b'] } },
      },
    ],
    [
      'conditions',
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      { type: 'object', if: {}, then: { properties: { a: text }, required: ['a'] }, not: {}, enum: [{}], const: {} },
      { type: 'object', properties: { a: text } },
    ],
    [
      'empty or wrong combinators',
      { type: 'object', anyOf: [], oneOf: null, allOf: {}, properties: { a: { anyOf: [], type: 'string' } } },
      { type: 'object', properties: { a: text } },
    ],
    ['a reference to itself', { $ref: '#', allOf: [{ $ref: '#' }] }, anyObject],
  ]
  for (const [what, schema, shape] of tops) test(what, () => expect(shapeSchema(schema)).toEqual(shape))
})

describe('below the top', () => {
  const properties: readonly (readonly [what: string, schema: unknown, shape: unknown])[] = [
    ['an empty schema allows any value', {}, anything],
    ['null allows any value', null, anything],
    ['true allows any value', true, anything],
    ['a null type counts as absent', { type: null, description: 'd' }, { description: 'd', ...anything }],
    ['a string is the name of a type', 'string', text],
    ['other words for types are known', { type: 'Dict' }, anyObject],
    ['an unknown type counts as absent', { type: 'any', title: null }, anything],
    ['properties imply an object', { properties: { a: text } }, { type: 'object', properties: { a: text } }],
    ['a pattern implies a string', { pattern: 'x' }, { type: 'string', pattern: 'x' }],
    ['an enum implies its type', { enum: ['a', 'b'] }, { type: 'string', enum: ['a', 'b'] }],
    ['a const implies its type', { const: 1.5 }, { type: 'number', const: 1.5 }],
    ['an empty enum is removed', { type: 'string', enum: [] }, text],
    ['an array gets items', { type: 'array' }, { type: 'array', items: anyItem }],
    ['items of true allow any value', { type: 'array', items: true }, { type: 'array', items: anyItem }],
    ['empty items allow any value', { items: {} }, { type: 'array', items: anyItem }],
    [
      'items by position become alternatives',
      { type: 'array', items: [text, { type: 'integer' }], additionalItems: false },
      { type: 'array', items: { anyOf: [text, { type: 'integer' }] }, maxItems: 2 },
    ],
    [
      'prefixItems become alternatives too',
      { type: 'array', prefixItems: [text], items: false, maxItems: 1 },
      { type: 'array', prefixItems: [text], items: text, maxItems: 1 },
    ],
    ['a list with one type becomes that type', { type: ['string'] }, text],
    [
      'several types become several schemas, each with its own keywords',
      { type: ['string', 'array', 'null'], minLength: 1, minItems: 2, default: null, description: 'd' },
      {
        default: null,
        description: 'd',
        anyOf: [{ type: 'array', minItems: 2, items: anyItem }, { type: 'string', minLength: 1 }, { type: 'null' }],
      },
    ],
    [
      'the values of an enum are split by type',
      { enum: ['a', 1, null] },
      {
        anyOf: [
          { type: 'string', enum: ['a'] },
          { type: 'integer', enum: [1] },
          { type: 'null', enum: [null] },
        ],
      },
    ],
    [
      'a null type that the enum does not allow is removed',
      { type: ['string', 'null'], enum: ['a'] },
      { type: 'string', enum: ['a'] },
    ],
    [
      'a combinator below the top stays',
      { anyOf: [text, { type: 'null' }], title: 'T' },
      { anyOf: [text, { type: 'null' }], title: 'T' },
    ],
    [
      'alternatives of an object need no type',
      { type: 'object', properties: { a: text }, anyOf: [{ required: ['a'] }, { not: { required: ['a'] } }, false] },
      { type: 'object', properties: { a: text }, anyOf: [{ required: ['a'] }, { not: { required: ['a'] } }] },
    ],
    [
      'a forbidden property is removed',
      { type: 'object', properties: { a: text, b: false }, required: ['a', 'b'] },
      { type: 'object', properties: { a: text }, required: ['a'] },
    ],
    [
      'a required property gets a description',
      { type: 'object', required: ['a', 'a', 7] },
      { type: 'object', properties: { a: anything }, required: ['a'] },
    ],
    [
      'boolean limits of draft 4 are rewritten',
      { type: 'number', minimum: 1, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false },
      { type: 'number', exclusiveMinimum: 1, maximum: 9 },
    ],
    ['a required that is not a list is removed', { type: 'string', required: true }, text],
    [
      'empty additionalProperties become true',
      { type: 'object', additionalProperties: {} },
      { type: 'object', properties: {}, additionalProperties: true },
    ],
    [
      'additionalProperties with a type keep it',
      { type: 'object', additionalProperties: { type: ['integer'] } },
      { type: 'object', properties: {}, additionalProperties: { type: 'integer' } },
    ],
    ['a reference without a target', { $ref: '#/$defs/None', description: 'd' }, { description: 'd', ...anything }],
    ['a reference to another document', { $ref: 'https://a.example/schema.json' }, anything],
    [
      'values are not changed',
      { type: 'object', default: { type: null, a: null }, examples: [null, { items: [] }] },
      { type: 'object', properties: {}, default: { type: null, a: null }, examples: [null, { items: [] }] },
    ],
  ]
  for (const [what, schema, shape] of properties) test(what, () => expect(property(schema)).toEqual({ p: shape }))
})

test('a property may have the name of a keyword', () => {
  const names = ['type', 'properties', 'items', 'anyOf', '$ref', 'enum', 'required', '__proto__', 'null']
  const properties = Object.fromEntries(names.map((name) => [name, text]))
  expect(shapeSchema({ type: 'object', properties, required: names })).toEqual({
    type: 'object',
    properties,
    required: names,
  })
})

test('references stay valid, also those to a place that the new shape does not have', () => {
  const schema = {
    type: 'object',
    properties: {
      first: { type: 'object', properties: { deep: { type: 'array', items: text } } },
      again: { $ref: '#/properties/first' },
      deep: { $ref: '#/properties/first/properties/deep', description: 'd' },
      variant: { $ref: '#/anyOf/0' },
      own: { $ref: '#/$defs/a~1b%20c' },
      all: { $ref: '#' },
    },
    anyOf: [{ type: 'object', properties: { loop: { $ref: '#/anyOf/0' } } }],
    $defs: { 'a/b c': { type: ['string'] }, first: text },
  }
  const shape = shapeSchema(schema)
  expect(shape.properties).toMatchObject({
    again: { $ref: '#/$defs/first_2' },
    deep: { $ref: '#/$defs/deep', description: 'd' },
    variant: { $ref: '#/$defs/0' },
    own: { $ref: '#/$defs/a~1b%20c' },
    all: { $ref: '#' },
    loop: { $ref: '#/$defs/0' },
  })
  expect(shape.$defs).toEqual({
    'a/b c': text,
    first: text,
    first_2: { type: 'object', properties: { deep: { type: 'array', items: text } } },
    deep: { type: 'array', items: text },
    0: { type: 'object', properties: { loop: { $ref: '#/$defs/0' } } },
  })
})

test('a very deep or large schema is shaped fast, and does not grow', () => {
  let deep: object = text
  for (let at = 0; at < 10_000; at++) deep = at % 2 ? { anyOf: [deep] } : { type: 'object', properties: { a: deep } }
  const many = {
    type: 'object',
    anyOf: Array.from({ length: 20_000 }, (_, at) => ({ properties: { [`p${at}`]: {} } })),
  }
  // each definition doubles the one before
  const doubling = Object.fromEntries(
    Array.from({ length: 60 }, (_, at) => [
      `d${at}`,
      { allOf: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }] },
    ]),
  )
  for (const schema of [deep, many, { allOf: [{ $ref: '#/$defs/d0' }], $defs: doubling }])
    expect(JSON.stringify(shapeSchema(schema)).length).toBeLessThan(4 * 1024 * 1024)
})

/** What model APIs refuse in a schema, according to their errors and documents. */
function findFault(schema: unknown, path: string): string | undefined {
  if (!isFields(schema)) return `${path} is no schema`
  const { type, items, properties } = schema
  const isKnown = typeof type === 'string' || ['anyOf', 'oneOf', 'allOf', '$ref', 'not'].some((word) => word in schema)
  if (!isKnown && !Array.isArray(type)) return `${path} has no type`
  if (type === 'array' && !isFields(items)) return `${path} has no items`
  if (type === 'object' && !isFields(properties)) return `${path} has no properties`
  const inner = [
    ...Object.entries(isFields(properties) ? properties : {}),
    ...Object.entries(isFields(schema.$defs) ? schema.$defs : {}),
    ...(items === undefined ? [] : [['items', items]]),
  ]
  return inner.map(([name, one]) => findFault(one, `${path}.${name}`)).find((found) => found !== undefined)
}

const { schema: anySchema } = fc.letrec((tie) => {
  const schema = tie('schema')
  const name = fc.constantFrom('a', 'b', 'type', '$ref', '__proto__')
  const schemas = fc.dictionary(name, schema, { maxKeys: 3 })
  const list = fc.array(schema, { maxLength: 3 })
  const types = fc.constantFrom('object', 'array', 'string', 'number', 'integer', 'boolean', 'null', 'any', 'STR')
  const junk = fc.constantFrom(null, true, false, 0, '', 'string', [], {})
  const or = (arbitrary: fc.Arbitrary<unknown>) => fc.oneof({ weight: 5, arbitrary }, { weight: 1, arbitrary: junk })
  const refs = fc.constantFrom('#', '#/$defs/a', '#/properties/a', '#/anyOf/0', '#/items/items', 'x', '#/$defs/a/items')
  const fields = fc.record(
    {
      type: or(fc.oneof(types, fc.array(types, { maxLength: 3 }))),
      properties: or(schemas),
      required: or(fc.array(name)),
      items: or(fc.oneof(schema, list)),
      prefixItems: or(list),
      additionalProperties: or(schema),
      additionalItems: or(schema),
      anyOf: or(list),
      oneOf: or(list),
      allOf: or(list),
      not: or(schema),
      if: or(schema),
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: or(schema),
      dependentSchemas: or(schemas),
      patternProperties: or(schemas),
      enum: or(fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 3 })),
      const: fc.jsonValue({ maxDepth: 1 }),
      default: fc.jsonValue({ maxDepth: 1 }),
      $ref: or(refs),
      $defs: or(schemas),
      minimum: or(fc.integer()),
      exclusiveMinimum: or(fc.integer()),
      minLength: or(fc.nat()),
      description: or(fc.string()),
    },
    { requiredKeys: [] },
  )
  return { schema: fc.oneof({ maxDepth: 4, depthSize: 'small' }, junk, fields) }
})

test('any value becomes a schema that model APIs accept, and a second run changes nothing', () => {
  fc.assert(
    fc.property(fc.oneof(anySchema, fc.jsonValue()), (schema) => {
      const before = JSON.stringify(schema)
      const shape = shapeSchema(schema)
      expect(findFault(shape, 'top')).toBeUndefined()
      expect(shape.type).toBe('object')
      for (const word of ['anyOf', 'oneOf', 'allOf', 'enum', 'const', 'not', '$ref'])
        expect(shape).not.toHaveProperty(word)
      expect(shapeSchema(shape)).toEqual(shape)
      expect(JSON.stringify(schema)).toBe(before)
    }),
    { numRuns: runs(500) },
  )
})
