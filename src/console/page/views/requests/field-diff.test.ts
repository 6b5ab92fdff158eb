import { expect, test } from 'bun:test'
import { differentFields } from './field-diff.ts'

test('members that are equal are not listed, and the others are in their order', () => {
  const first = { id: 'a', model: 'm', attempts: 1, tools: ['x', 'y'], conversation: { requests: 2 } }
  const second = { id: 'b', model: 'm', attempts: 2, tools: ['x'], conversation: { requests: 3 } }
  expect(differentFields(first, second)).toEqual([
    { name: 'id', first: 'a', second: 'b' },
    { name: 'attempts', first: '1', second: '2' },
    { name: 'tools.1', first: 'y', second: undefined },
    { name: 'conversation.requests', first: '2', second: '3' },
  ])
})

test('null is as absent, and false and 0 are not', () => {
  expect(differentFields({ a: null, b: false, c: 0 }, { b: null })).toEqual([
    { name: 'b', first: 'false', second: undefined },
    { name: 'c', first: '0', second: undefined },
  ])
})

test('members can be left out', () => {
  expect(differentFields({ texts: { request: 'x' } }, { texts: { request: 'y' } }, ['texts'])).toEqual([])
})

test('members of a hostile name are members like others', () => {
  const hostile: unknown = JSON.parse('{"parameters": {"__proto__": "dropped", "constructor": "mapped"}}')
  expect(differentFields(hostile, { parameters: {} }).map(({ name }) => name)).toEqual([
    'parameters.__proto__',
    'parameters.constructor',
  ])
})

test('what is nested too deep is compared as JSON', () => {
  const deep = (value: string) => ({ a: { b: { c: { d: { e: { f: { g: value } } } } } } })
  expect(differentFields(deep('x'), deep('y'))).toEqual([
    { name: 'a.b.c.d.e.f', first: '{"g":"x"}', second: '{"g":"y"}' },
  ])
})
