import { expect, test } from 'bun:test'
import { merge, rest } from './fields.ts'

test('a member called __proto__ is dropped, and its members are not inherited', () => {
  const found = rest(JSON.parse('{"__proto__":{"polluted":true},"a":1}'), [])
  expect(JSON.stringify(found)).toBe('{"a":1}')
  expect(Reflect.get(Object(found), 'polluted')).toBeUndefined()
})

test('null counts as absent', () => expect(rest({ a: null, b: undefined }, [])).toBeUndefined())

test('a member of both is merged if both values are objects, otherwise the extra wins', () => {
  expect(merge({ a: { b: 1 }, c: 2 }, { a: { d: 3 }, c: 4 })).toEqual({ a: { b: 1, d: 3 }, c: 4 })
})

test('merge takes members by their own names only', () => {
  const hostile = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"a":1},"toString":{"b":2}}')
  const merged = merge({ model: 'm' }, hostile)
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
  expect(JSON.parse(JSON.stringify(merged))).toEqual({ model: 'm', constructor: { a: 1 }, toString: { b: 2 } })
  const nested = merge({ a: { b: 1 } }, JSON.parse('{"a":{"__proto__":{"polluted":true},"c":2}}'))
  expect(Reflect.get(Object(nested.a), 'polluted')).toBeUndefined()
})
