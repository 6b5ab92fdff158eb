import { expect, test } from 'bun:test'
import { merge, rest } from './fields.ts'

test('a member called __proto__ is nobody’s: it neither survives nor lends its members', () => {
  const found = rest(JSON.parse('{"__proto__":{"polluted":true},"a":1}'), [])
  expect(JSON.stringify(found)).toBe('{"a":1}')
  expect(Reflect.get(Object(found), 'polluted')).toBeUndefined()
})

test('null is as good as absent', () => expect(rest({ a: null, b: undefined }, [])).toBeUndefined())

test('what both have is joined where both are objects, else the extra holds', () => {
  expect(merge({ a: { b: 1 }, c: 2 }, { a: { d: 3 }, c: 4 })).toEqual({ a: { b: 1, d: 3 }, c: 4 })
})
