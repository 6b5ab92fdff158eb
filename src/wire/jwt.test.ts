import { describe, expect, test } from 'bun:test'
import { readJwt } from './jwt.ts'

const base64url = (text: string) => Buffer.from(text).toString('base64url')
const tokenOf = (payload: string) => `${base64url('{"alg":"none"}')}.${base64url(payload)}.c2ln`

describe('the claims of a token', () => {
  test('are read unchanged', () => {
    expect(readJwt(tokenOf('{"sub":"u-1","exp":1760000000}'))).toEqual({ sub: 'u-1', exp: 1_760_000_000 })
  })

  test('may be spelled with - and _, and need no padding', () => {
    const claims = { sub: 'ÿ?>ÿ?>~~', n: 1 }
    const token = tokenOf(JSON.stringify(claims))
    expect(token).toMatch(/[-_]/)
    expect(readJwt(token)).toEqual(claims)
  })

  test('need no signature', () => expect(readJwt(tokenOf('{"a":1}').replace(/[^.]*$/, ''))).toEqual({ a: 1 }))

  for (const [what, token] of [
    ['nothing', ''],
    ['a word', 'REFRESH'],
    ['two parts', 'a.b'],
    ['four parts', `${tokenOf('{}')}.a`],
    ['no JSON', tokenOf('{')],
    ['a list', tokenOf('[]')],
    ['null', tokenOf('null')],
    ['plain base64', 'e30=.e30=.e30='],
    ['far too much', tokenOf(JSON.stringify({ a: 'x'.repeat(70_000) }))],
  ] as const)
    test(`are not found in ${what}`, () => expect(readJwt(token)).toBeUndefined())
})
