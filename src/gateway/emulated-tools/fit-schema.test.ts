import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { fitSchema } from './fit-schema.ts'
import { signatureOf } from './signature.ts'

const text = { type: 'string' }
const schema = {
  type: 'object',
  properties: {
    file_path: { ...text, description: 'The file.' },
    limit: { type: 'integer' },
    ratio: { type: 'number' },
    on: { type: 'boolean' },
    mode: { enum: ['fast', 'Slow'] },
    tags: { type: 'array', items: text, maxItems: 2 },
    edit: { $ref: '#/$defs/edit' },
    either: { anyOf: [{ type: 'integer' }, { type: 'array', items: { type: 'integer' } }] },
  },
  required: ['file_path'],
  additionalProperties: false,
  $defs: { edit: { type: 'object', properties: { old: text, all: { type: 'boolean' } }, required: ['old'] } },
}

/** Members of an object, and what they become. */
const fitted: readonly (readonly [object, object])[] = [
  [{ limit: '5' }, { limit: 5 }],
  [{ ratio: ' 0.5 ' }, { ratio: 0.5 }],
  [{ on: 'True' }, { on: true }],
  [{ mode: 'slow' }, { mode: 'Slow' }],
  [{ tags: 'x' }, { tags: ['x'] }],
  [{ tags: '["x", "y"]' }, { tags: ['x', 'y'] }],
  [{ tags: [1, true] }, { tags: ['1', 'true'] }],
  [{ edit: '{"old": "x", "all": "false"}' }, { edit: { old: 'x', all: false } }],
  [{ either: '7' }, { either: 7 }],
  [{ either: [7] }, { either: [7] }],
  [{ limit: null, unknown: 1 }, {}],
  [{ Limit: 3 }, { limit: 3 }],
]

describe('a value is fitted', () => {
  for (const [given, expected] of fitted)
    test(JSON.stringify(given), () => {
      const { value, problems } = fitSchema({ filePath: 'a', ...given }, schema)
      expect({ value, problems }).toEqual({ value: { file_path: 'a', ...expected }, problems: [] })
    })
})

test('what cannot be fitted is named', () => {
  const wrong = { limit: 'many', mode: 'x', tags: ['a', 'b', 'c'], edit: { all: true } }
  expect(fitSchema(wrong, schema).problems).toEqual([
    'limit must be integer, not string.',
    'mode must be one of ["fast","Slow"].',
    'tags may have 2 items at most.',
    'edit.old is missing.',
    'file_path is missing.',
  ])
})

test('a value that fits is not changed, and any schema is survived', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, odd) => {
      expect(fitSchema(value, {})).toEqual({ value, problems: [] })
      fitSchema(value, odd)
      signatureOf({ type: 'function', name: 'f', parameters: { properties: { a: odd } } })
    }),
  )
})

test('a tool is told in a few lines', () => {
  const told = signatureOf({ type: 'function', name: 'edit', description: 'Edits a file.', parameters: schema })
  expect(
    told,
  ).toBe(`edit(file_path: string, limit?: integer, ratio?: number, on?: boolean, mode?: "fast" | "Slow", tags?: string[], edit?: {old: string, all?: boolean}, either?: integer | integer[])
  Edits a file.
  - file_path: The file.`)
})

test('a schema that refers to itself is told up to a depth', () => {
  const parameters = { type: 'object', properties: { node: { $ref: '#' } } }
  expect(signatureOf({ type: 'function', name: 'f', parameters }).length).toBeLessThan(1_000)
})
