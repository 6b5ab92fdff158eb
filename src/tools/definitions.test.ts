import { expect, test } from 'bun:test'
import { Secret } from '../chat/secret.ts'
import { Pins, readDefinition } from './definitions.ts'

const schema = { type: 'object', properties: { text: { type: 'string' } } }
const define = (more: object) => readDefinition({ name: 'a', inputSchema: schema, ...more })

test('a schema gets the shape that model APIs accept, and keeps unknown keywords', () => {
  const inputSchema = { type: 'object', properties: { a: { type: 'array' } }, required: ['a'], 'x-own': [{}] }
  const items = expect.any(Object)
  expect(define({ inputSchema })?.parameters).toEqual({
    ...inputSchema,
    properties: { a: { type: 'array', items } },
  })
  for (const empty of [{}, { type: 'object' }, { type: null }, { type: ['null', 'object'] }, true, null, undefined])
    expect(define({ inputSchema: empty ?? undefined })?.parameters).toEqual({ type: 'object', properties: {} })
})

test('a description is cut to 4,096 characters, and its invisible characters are removed', () => {
  const hidden = 'a\u0000b\u001b[31mc\u202ed\u200be\u2066f\ufeffg\u{e0041}\u{e007f}h\u00adi\u2028j\u{e0101}k'
  expect(define({ description: `${hidden}\n\tline` })?.description).toBe('ab[31mcdefghijk\n\tline')
  expect(define({ description: 'Über 道 👩‍🔬 é' })?.description).toBe('Über 道 👩🔬 é')
  expect(define({ description: 'd'.repeat(10_000) })?.description).toHaveLength(4096)
  const inputSchema = { type: 'object', properties: { description: { type: 'string', description: 'p\u200bq' } } }
  expect(define({ inputSchema })?.parameters).toEqual({
    type: 'object',
    properties: { description: { type: 'string', description: 'pq' } },
  })
})

test('a secret that a server repeats in a description or a schema is not shown', () => {
  const secret = 'definition-marker-7"é'
  new Secret(secret)
  const text = { type: 'string', description: `not ${secret}`, default: secret, enum: [secret, 'b'] }
  const shown = define({ description: `my key is ${secret}`, inputSchema: { type: 'object', properties: { text } } })
  expect(shown).toMatchObject({
    description: 'my key is [secret]',
    parameters: {
      properties: {
        text: { type: 'string', description: 'not [secret]', default: '[secret]', enum: ['[secret]', 'b'] },
      },
    },
  })
})

test('a tool that cannot be offered to a model is left out', () => {
  let deep: unknown = {}
  for (let at = 0; at < 10_000; at++) deep = { deep }
  const refused = [
    undefined,
    'a tool',
    { name: '', inputSchema: schema },
    { name: 'a', inputSchema: { type: 'string' } },
    { name: 'a', inputSchema: { type: ['string', 'null'] } },
    { name: 'a', inputSchema: 'object' },
    { name: 'a', inputSchema: { type: 'object', note: 'n'.repeat(70_000) } },
    { name: 'a', inputSchema: { type: 'object', deep } },
    { name: 'a', inputSchema: schema, description: 7 },
  ]
  expect(refused.map((listed) => readDefinition(listed))).toEqual(refused.map(() => undefined))
})

test('a schema cannot change the prototype of objects', () => {
  const inputSchema = JSON.parse(
    '{"type": "object", "__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}',
  )
  define({ inputSchema })
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
})

test('a tool that has changed is refused, even after it changes back', () => {
  const pins = new Pins()
  const [first, reordered, changed, other] = [
    define({ description: 'reads' }),
    readDefinition({ inputSchema: { properties: schema.properties, type: 'object' }, description: 'reads', name: 'a' }),
    define({ description: 'reads, and sends it on' }),
    define({ name: 'b' }),
  ]
  if (!first || !reordered || !changed || !other) throw new Error('a tool could not be read')
  expect([first, reordered, other].map((definition) => pins.admits(definition))).toEqual([true, true, true])
  expect(pins.admits(changed)).toBe(false)
  expect([pins.admits(first), pins.isUnchanged('a'), pins.isUnchanged('b')]).toEqual([false, false, true])
})

test('a tool whose schema has another property name has changed', () => {
  const pins = new Pins()
  const renamed = { type: 'object', properties: { text_and_your_keys: { type: 'string' } } }
  const [first, changed] = [define({}), define({ inputSchema: renamed })]
  if (!first || !changed) throw new Error('a tool could not be read')
  expect([pins.admits(first), pins.admits(changed)]).toEqual([true, false])
})

test('only the first 4,096 tools of a server with endless tool names are admitted', () => {
  const pins = new Pins()
  const admitted = Array.from({ length: 5_000 }, (_, at) =>
    pins.admits({ name: `t${at}`, parameters: {}, headers: [], hash: 'h' }),
  )
  expect(admitted.filter((isAdmitted) => isAdmitted)).toHaveLength(4096)
  expect([pins.admits({ name: 't0', parameters: {}, headers: [], hash: 'h' }), pins.isUnchanged('t4999')]).toEqual([
    true,
    true,
  ])
})
