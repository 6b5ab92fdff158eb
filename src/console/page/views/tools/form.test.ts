import { expect, test } from 'bun:test'
import { type FormField, readForm } from './form-model.ts'
import { type Draft, draftOf, fill, readDraft } from './form-values.ts'

/** Writes a form in short: `query!: text`, `!` for what is required. */
function write(field: FormField): string {
  const name = `${field.name}${field.isRequired ? '!' : ''}`
  switch (field.kind) {
    case 'group':
      return `${name}{${field.fields.map(write).join(' ')}}`
    case 'list':
      return `${name}[${write(field.item)}]`
    case 'choice':
      return `${name}:${field.options.map((option) => JSON.stringify(option)).join('|')}`
    case 'number':
      return `${name}:${field.isWhole ? 'integer' : 'number'}`
    default:
      return `${name}:${field.kind}`
  }
}

const object = (properties: unknown, required: readonly string[] = []) => ({ type: 'object', properties, required })

const shapes = [
  ['no schema', undefined, '!{}'],
  ['no parameters', { type: 'object' }, '!{}'],
  ['a schema that is no object', { type: 'string' }, '!:text'],
  ['what is required, first', object({ a: { type: 'string' }, b: { type: 'integer' } }, ['b']), '!{b!:integer a:text}'],
  ['numbers and booleans', object({ n: { type: 'number' }, b: { type: 'boolean' } }), '!{n:number b:boolean}'],
  ['enums of any scalars', object({ e: { enum: ['a', 1, null] } }), '!{e:"a"|1|null}'],
  ['a constant', object({ c: { const: 'x' } }), '!{c:"x"}'],
  ['lists', object({ l: { type: 'array', items: { type: 'string' } } }), '!{l[!:text]}'],
  ['lists without items', object({ l: { type: 'array' } }), '!{l:json}'],
  ['objects in lists', object({ l: { type: 'array', items: object({ x: { type: 'number' } }) } }), '!{l[!{x:number}]}'],
  ['nested objects', object({ o: object({ x: { type: 'string' } }, ['x']) }, ['o']), '!{o!{x!:text}}'],
  ['objects without names', object({ o: { type: 'object', additionalProperties: {} } }), '!{o:json}'],
  ['null beside a type', object({ a: { type: ['string', 'null'] } }), '!{a:text}'],
  ['null as another part', object({ a: { anyOf: [{ type: 'integer' }, { type: 'null' }] } }), '!{a:integer}'],
  ['several types', object({ a: { type: ['string', 'number'] }, b: { oneOf: [{}, {}] } }), '!{a:json b:json}'],
  ['no type at all', object({ a: {}, b: true }), '!{a:json b:json}'],
  ['a reference', { ...object({ a: { $ref: '#/$defs/x' } }), $defs: { x: { type: 'boolean' } } }, '!{a:boolean}'],
  ['a reference to nothing', object({ a: { $ref: '#/$defs/gone' }, b: { $ref: 'https://x' } }), '!{a:json b:json}'],
  [
    'a circle of references',
    { $defs: { a: { $ref: '#/$defs/a' } }, ...object({ x: { $ref: '#/$defs/a' } }) },
    '!{x:json}',
  ],
  ['hostile names', JSON.parse('{"properties": {"__proto__": {"type": "string"}}}'), '!{__proto__:text}'],
] as const

for (const [name, schema, shape] of shapes) test(`reads ${name}`, () => expect(write(readForm(schema))).toBe(shape))

test('a schema that holds itself ends as JSON', () => {
  const tree = { ...object({ child: { $ref: '#' }, name: { type: 'string' } }) }
  expect(write(readForm(tree))).toBe(
    '!{child{child{child{child{child:json name:json} name:text} name:text} name:text} name:text}',
  )
})

test('a schema of ten thousand members is written as JSON', () => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`a${at}`, { type: 'string' }]))
  expect(readForm(object(many)).kind).toBe('json')
})

test('a schema that holds itself in every member makes no endless form', () => {
  const members = Object.fromEntries(Array.from({ length: 90 }, (_, at) => [`a${at}`, { $ref: '#' }]))
  expect(write(readForm(object(members))).length).toBeLessThan(100_000)
})

const search = readForm(
  object(
    {
      query: { type: 'string', description: 'What to look for' },
      limit: { type: 'integer', minimum: 1, maximum: 50, default: 10 },
      safe: { type: 'boolean', default: null },
      order: { enum: ['new', 'old'] },
      tags: { type: 'array', items: { type: 'string' } },
      when: object({ from: { type: 'string' }, to: { type: 'string' } }, ['from']),
      more: {},
    },
    ['query', 'when'],
  ),
)

test('the form begins with the defaults and what is required', () => {
  expect(readDraft(search, draftOf(search))).toEqual({ value: { query: '', when: { from: '' }, limit: 10 } })
})

test('every value that the form can hold comes back as it was', () => {
  const values = [
    {
      query: 'x',
      when: { from: 'a', to: 'b' },
      limit: 3,
      safe: false,
      order: 'old',
      tags: ['a', ''],
      more: { deep: [1] },
    },
    { query: '', when: { from: '' }, safe: true, tags: [] },
  ]
  for (const value of values) {
    const draft = fill(search, value)
    expect(draft && readDraft(search, draft)).toEqual({ value })
  }
})

test('a value that the form cannot hold stays JSON', () => {
  for (const value of [null, [], 'x', { unknown: 1 }, { query: 1 }, { order: 'other' }, { tags: [1] }, { when: [] }])
    expect(fill(search, value)).toBeUndefined()
})

test('each wrong field is named by its place', () => {
  const texts = (one: string): Draft => ({ kind: 'text', text: one })
  const draft = draftOf(search)
  if (draft.kind !== 'group') throw new Error('The form of an object is a group.')
  const members =
    search.kind === 'group' ? search.fields.map(({ name }) => wrong.get(name) ?? { kind: 'absent' as const }) : []
  const wrongPlaces = readDraft(search, { kind: 'group', members })
  expect('problems' in wrongPlaces && [...wrongPlaces.problems]).toEqual([
    ['.2', 'tooLarge'],
    ['.4', 'missing'],
    ['.6', 'notJson'],
  ])
  expect(readDraft(readForm({ type: 'integer' }), texts('1.5'))).toEqual({ problems: new Map([['', 'notWhole']]) })
  expect(readDraft(readForm({ type: 'number' }), texts('many'))).toEqual({ problems: new Map([['', 'notNumber']]) })
})

const wrong = new Map<string, Draft>([
  ['limit', { kind: 'text', text: '51' }],
  ['order', { kind: 'text', text: '' }],
  ['more', { kind: 'text', text: '{' }],
])

test('a member with the name of a prototype is sent as a member', () => {
  const form = readForm(JSON.parse('{"properties": {"__proto__": {"type": "string", "default": "x"}}}'))
  expect(JSON.stringify(readDraft(form, draftOf(form)))).toBe('{"value":{"__proto__":"x"}}')
})
