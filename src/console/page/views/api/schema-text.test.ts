import { expect, test } from 'bun:test'
import { namesIn, schemaText } from './schema-text.ts'

const text = { type: 'string' }
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

test('a schema is written as a type', () => {
  expect(schemaText(text)).toBe('string')
  expect(schemaText({})).toBe('any')
  expect(schemaText({ type: ['string', 'null'] })).toBe('string | null')
  expect(schemaText({ const: 'list' })).toBe('"list"')
  expect(schemaText({ enum: ['a', 1] })).toBe('"a" | 1')
  expect(schemaText({ items: { oneOf: [text, ref('Part')] } })).toBe('(string | Part)[]')
  expect(schemaText({ additionalProperties: ref('Model') })).toBe('{ [name]: Model }')
  const inner = { properties: { b: { items: text } } }
  expect(schemaText({ properties: { a: inner, c: text }, required: ['a'] })).toBe(
    '{\n  a: {\n    b?: string[]\n  }\n  c?: string\n}',
  )
})

test('a schema without an end is cut', () => {
  const deep = (levels: number): object => (levels === 0 ? text : { properties: { a: deep(levels - 1) } })
  expect(schemaText(deep(20))).toContain('{ … }')
})

test('the named schemas of a schema are found, each once', () => {
  const schema = { properties: { a: ref('A'), b: { items: { anyOf: [ref('B'), ref('A')] } } } }
  expect(namesIn(schema)).toEqual(['A', 'B'])
})
