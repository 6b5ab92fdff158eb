import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { fingerprint } from './fingerprint.ts'
import type { Message, Part } from './message.ts'

const scope = ['key', 'model']
const of = (...messages: readonly Message[]) => fingerprint(scope, messages)
const user = (...content: readonly Part[]): Message => ({ role: 'user', content })
const text = (said: string): Part => ({ type: 'text', text: said })
const calling = (json: string, id = 'id'): Message => ({
  role: 'assistant',
  content: [{ type: 'tool-call', id, name: 'f', arguments: json }],
})

/** Reverses the order of the keys of every object in the value. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  )
}

const anyPart: fc.Arbitrary<Part> = fc.oneof(
  fc.string().map(text),
  fc.record({ type: fc.constant('image' as const), url: fc.string() }),
  fc.record({ type: fc.constant('audio' as const), base64: fc.string(), format: fc.string() }),
  fc.record({ type: fc.constant('file' as const), fileId: fc.string() }),
  fc.record({ type: fc.constant('refusal' as const), text: fc.string() }),
)

const anyMessage: fc.Arbitrary<Message> = fc.record({ role: fc.constant('user' as const), content: fc.array(anyPart) })

test('a fingerprint is a SHA-256 in hex', () => {
  expect(of(user(text('a')))).toMatch(/^[0-9a-f]{64}$/)
})

test('a text may be cut into neighbouring parts anywhere, empty parts included', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (pieces) => {
      expect(of(user(...pieces.map(text)))).toBe(of(user(text(pieces.join('')))))
    }),
  )
})

test('text on both sides of a picture differs from the same text on one side', () => {
  const image: Part = { type: 'image', url: 'data:,' }
  expect(of(user(text('a'), image, text('b')))).not.toBe(of(user(text('ab'), image)))
})

test('key order and spacing of a call’s JSON do not count', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      expect(of(calling(JSON.stringify(reversed(value), null, 3)))).toBe(of(calling(JSON.stringify(value))))
    }),
  )
})

test('different arguments are different calls', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      fc.pre(JSON.stringify(reversed(a)) !== JSON.stringify(reversed(b)) && !Bun.deepEquals(a, b))
      expect(of(calling(JSON.stringify(a)))).not.toBe(of(calling(JSON.stringify(b))))
    }),
  )
})

test('an object differs from the list of its entries, and broken JSON from a string with its text', () => {
  expect(of(calling('{"a":1}'))).not.toBe(of(calling('[["a",1]]')))
  expect(of(calling('abc'))).not.toBe(of(calling('"abc"')))
})

test('a key named __proto__ counts like any other', () => {
  expect(of(calling('{"__proto__":{"a":1}}'))).not.toBe(of(calling('{"__proto__":{"a":2}}')))
  expect(of(calling('{"__proto__":1}'))).not.toBe(of(calling('{}')))
})

test('no arguments count as the empty object', () => {
  expect(of(calling(''))).toBe(of(calling('{}')))
})

test('arguments that are nested very deep are compared as text, without a stack overflow', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  expect(of(calling(deep))).toBe(of(calling(deep)))
})

test('ids of calls do not count: a client may renumber them', () => {
  expect(of(calling('{}', 'one'))).toBe(of(calling('{}', 'other')))
  const result = (toolCallId: string): Message => ({ role: 'tool', toolCallId, content: [text('a')] })
  expect(of(result('one'))).toBe(of(result('other')))
})

test('explicit defaults, developer in place of system, and reasoning do not count', () => {
  expect(of(user({ type: 'image', url: 'data:,', detail: 'auto' }))).toBe(of(user({ type: 'image', url: 'data:,' })))
  expect(of({ role: 'developer', content: [text('a')] })).toBe(of({ role: 'system', content: [text('a')] }))
  expect(of(user({ type: 'reasoning', text: 'hm' }, text('a')))).toBe(of(user(text('a'))))
  expect(of({ ...user(text('a')), name: '' })).toBe(of(user(text('a'))))
})

test('fields of a single dialect do not count, except in a part without other fields', () => {
  expect(of({ ...user(text('a')), extra: { 'openai-chat': { cache: true } } })).toBe(of(user(text('a'))))
  const foreign = (extra: Readonly<Record<string, unknown>>) =>
    of(user({ type: 'foreign', name: 'video', extra: { x: extra } }))
  expect(foreign({ a: 1, b: { c: 2, d: 3 } })).toBe(foreign({ b: { d: 3, c: 2 }, a: 1 }))
  expect(foreign({ a: 1 })).not.toBe(foreign({ a: 2 }))
})

test('the content of a message counts: role, name, text, detail, order', () => {
  const different = [
    of(),
    of(user()),
    of(user(text('a'))),
    of(user(text('a')), user(text('b'))),
    of(user(text('b')), user(text('a'))),
    of(user(text('ab'))),
    of({ role: 'system', content: [text('a')] }),
    of({ role: 'assistant', content: [text('a')] }),
    of({ ...user(text('a')), name: 'ann' }),
    of(user({ type: 'image', url: 'a' })),
    of(user({ type: 'image', url: 'a', detail: 'high' })),
    of(user({ type: 'refusal', text: 'a' })),
    of(user({ type: 'file', name: 'a' })),
    of(user({ type: 'file', content: 'a' })),
    of(user({ type: 'file', fileId: 'a' })),
    of(user({ type: 'audio', base64: 'a', format: 'b' })),
  ]
  expect(new Set(different).size).toBe(different.length)
})

test('item 37: equal messages in two scopes have different fingerprints, wherever the scope is split', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(fc.string()), fc.array(anyMessage), (one, other, messages) => {
      fc.pre(!Bun.deepEquals(one, other))
      expect(fingerprint(one, messages)).not.toBe(fingerprint(other, messages))
    }),
  )
})

test('different lone surrogates have different fingerprints', () => {
  expect(of(user(text('\ud800')))).not.toBe(of(user(text('\ud801'))))
})
