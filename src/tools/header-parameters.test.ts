import { expect, test } from 'bun:test'
import { headerParameters, headersOfCall } from './header-parameters.ts'

const inHeader = (header: unknown, type: unknown = 'string') => ({ type, 'x-mcp-header': header })
const objectOf = (properties: object, more = {}) => ({ type: 'object', properties, ...more })

test('parameters below properties alone are sent in headers', () => {
  const schema = objectOf({ a: inHeader('A'), deep: objectOf({ b: inHeader('B', 'integer') }), plain: {} })
  const parameters = headerParameters(schema) ?? []
  expect(parameters).toEqual([
    { path: ['a'], header: 'A' },
    { path: ['deep', 'b'], header: 'B' },
  ])
  expect(headersOfCall(parameters, { a: 'x', deep: { b: 7 }, plain: 'y' })).toEqual({
    'Mcp-Param-A': 'x',
    'Mcp-Param-B': '7',
  })
  expect(headersOfCall(parameters, { a: null, deep: 'no object' })).toEqual({})
})

// MCP 2026-07-28, basic/transports/streamable-http, "Value Encoding"
for (const [value, header] of [
  ['us-west1', 'us-west1'],
  ['a b\tc', 'a b\tc'],
  ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
  [' padded ', '=?base64?IHBhZGRlZCA=?='],
  ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
  ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
  ['', '=?base64??='],
  [true, 'true'],
  [-7, '-7'],
] as const)
  test(`${JSON.stringify(value)} is sent as ${header}`, () => {
    expect(headersOfCall([{ path: ['a'], header: 'A' }], { a: value })).toEqual({ 'Mcp-Param-A': header })
  })

for (const [what, schema] of [
  ['no text', objectOf({ a: inHeader(7) })],
  ['an empty name', objectOf({ a: inHeader('') })],
  ['a line break in the name', objectOf({ a: inHeader('A\r\nB') })],
  ['the type number', objectOf({ a: inHeader('A', 'number') })],
  ['the same name in other letters', objectOf({ a: inHeader('Same'), b: inHeader('same') })],
  ['a place in a list', objectOf({ a: { type: 'array', items: inHeader('A') } })],
  ['a place in an alternative', { anyOf: [objectOf({ a: inHeader('A') })] }],
  ['a place in a definition', objectOf({}, { $defs: { a: objectOf({ b: inHeader('A') }) } })],
  ['the top', { 'x-mcp-header': 'A', type: 'string' }],
] as const)
  test(`a schema whose header has ${what} is refused`, () => {
    expect(headerParameters(schema)).toBeUndefined()
  })

test('data and the names of properties are no keywords', () => {
  const schema = objectOf({ 'x-mcp-header': { type: 'string', default: { 'x-mcp-header': 1 } } })
  expect(headerParameters(schema)).toEqual([])
})
