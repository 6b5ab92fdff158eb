import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { membersIn } from './json-members.ts'

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 2 })

/** Any object, with any white space between its members. */
const written = fc
  .array(fc.tuple(space, fc.string({ unit: 'binary' }), space, space, fc.jsonValue(), space))
  .map((members) => {
    const texts = members.map(
      ([before, name, afterName, beforeValue, value, after]) =>
        `${before}${JSON.stringify(name)}${afterName}:${beforeValue}${JSON.stringify(value, null, after)}${after}`,
    )
    return { members, texts, json: ` {${texts.join(',')}} ` }
  })

test('each member is found, with its name, its value and the white space around it', () => {
  fc.assert(
    fc.property(written, ({ members, texts, json }) => {
      const found = membersIn(json)
      expect(found.map(({ from, to }) => json.slice(from, to))).toEqual(texts)
      expect(found.map(({ name }) => name)).toEqual(members.map(([, name]) => name))
      const values = found.map(({ valueFrom, valueTo }): unknown => JSON.parse(json.slice(valueFrom, valueTo)))
      expect(values).toEqual(members.map(([, , , , value]): unknown => JSON.parse(JSON.stringify(value))))
    }),
    { numRuns: runs(1_000) },
  )
})

describe('up to a member', () => {
  test('the text ends where its value begins', () => {
    const json = '{"a":"\\"choices\\":", "choi\\u0063es" : [1],"b":2}'
    const found = membersIn(json, 'choices')
    expect(found.map(({ name }) => name)).toEqual(['a', 'choices'])
    expect(json.slice(0, found[1]?.to)).toBe('{"a":"\\"choices\\":", "choi\\u0063es" : ')
  })

  test('a nested member of the same name does not count', () => {
    expect(membersIn('{"a":{"choices":[]},"b":[{"choices":1}]}', 'choices').map(({ name }) => name)).toEqual(['a', 'b'])
  })
})
