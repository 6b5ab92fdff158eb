import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { JsonBuilder } from './json-builder.ts'
import { JsonMender } from './json-mender.ts'

/** Reads a text in pieces. @returns what follows the value too; undefined if it is no JSON */
function read(text: string, length: number) {
  const builder = new JsonBuilder()
  const mender = new JsonMender(builder)
  for (let at = 0; at < text.length; at += length) {
    if (mender.isDone) return { value: builder.value, rest: mender.rest + text.slice(at) }
    mender.push(text.slice(at, at + length))
  }
  if (!mender.isDone) mender.end()
  return mender.isDone ? { value: builder.value, rest: mender.rest } : undefined
}

const containers = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()))

test('correct JSON is read exactly, in any pieces, and not further', () => {
  fc.assert(
    fc.property(containers, fc.constantFrom(0, 1, 2), fc.integer({ min: 1, max: 9 }), (value, indent, length) => {
      const json = JSON.stringify(value, null, indent)
      for (const rest of ['', '}', '</tool_call>', '\n'])
        expect(read(json + rest, length)).toEqual({ value: JSON.parse(json), rest })
    }),
  )
})

/** What models write, and what they mean. */
const repaired: Readonly<Record<string, readonly [string, unknown]>> = {
  'raw line breaks': ['{"a": "x\n\ty"}', { a: 'x\n\ty' }],
  'quotes within a text': ['{"a": "print("x", y)", "b": "he said "no""}', { a: 'print("x", y)', b: 'he said "no"' }],
  'quotes of HTML': ['{"a": "<a href="x">y</a>", "b": 1}', { a: '<a href="x">y</a>', b: 1 }],
  'backslashes of paths': ['{"a": "C:\\Users\\dev", "b": "\\d+\\."}', { a: 'C:\\Users\\dev', b: '\\d+\\.' }],
  'single quotes': ["{'a': 'it's', 'b': ['x']}", { a: "it's", b: ['x'] }],
  'no quotes': ['{path: src/a.ts, n: 3, on: true}', { path: 'src/a.ts', n: 3, on: true }],
  'commas at the end': ['{"a": [1, 2,], "b": {"c": 1,},}', { a: [1, 2], b: { c: 1 } }],
  'a missing comma': ['{"a": "x"\n"b": 1}', { a: 'x', b: 1 }],
  comments: ['{"a": 1, // one\n/* two */ "b": 2}', { a: 1, b: 2 }],
  "Python's words": ['{"a": True, "b": False, "c": None}', { a: true, b: false, c: null }],
  numbers: ['{"a": +1, "b": .5, "c": 007, "d": 1_000}', { a: 1, b: 0.5, c: 7, d: 1000 }],
  'brackets missing at the end': ['{"a": {"b": [1, 2', { a: { b: [1, 2] } }],
  'named arguments': ['(a="x", b=[1])', { a: 'x', b: [1] }],
  "Gemma's quotes": ['{a:<|"|>say "x"<|"|>,b:1}', { a: 'say "x"', b: 1 }],
}

describe('repairs', () => {
  for (const [name, [text, value]] of Object.entries(repaired))
    test(name, () => {
      for (const length of [1, 2, 5, 1_000]) expect(read(text, length)).toEqual({ value, rest: '' })
    })
})

test('a text that breaks off is no value, nor is one that nests without end', () => {
  for (const text of ['{"a": "x', '{"a', '{"a":', '['.repeat(1_000)]) expect(read(text, 3)).toBeUndefined()
})
