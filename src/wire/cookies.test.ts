import { describe, expect, test } from 'bun:test'
import { parseCookieHeader, parseSetCookie } from './cookies.ts'

describe('the cookies of a Cookie header', () => {
  const rows: readonly (readonly [string, Record<string, string>])[] = [
    ['a=b; c=d', { a: 'b', c: 'd' }],
    ['Cookie: a=b', { a: 'b' }],
    ['  a = b ;c=d;', { a: 'b', c: 'd' }],
    ['a=b=c==', { a: 'b=c==' }],
    ['a="b c"', { a: 'b c' }],
    ['a=', { a: '' }],
    ['a=1; a=2', { a: '1' }],
    ['a=%7B%22', { a: '%7B%22' }],
    ['word; =x; a=b; ;;', { a: 'b' }],
    ['', {}],
    ['__proto__=x', Object.fromEntries([['__proto__', 'x']])],
    [`a=${'x'.repeat(300_000)}`, {}],
  ]
  for (const [header, cookies] of rows)
    test(`are read from ${JSON.stringify(header.slice(0, 30))}`, () =>
      expect([...parseCookieHeader(header)]).toEqual(Object.entries(cookies)))

  test('are limited in number', () => expect(parseCookieHeader(`${'a;'.repeat(99_999)}b=c`).size).toBe(0))
})

describe('the cookies of a reply', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const read = (...lines: readonly string[]) =>
    parseSetCookie(new Headers(lines.map((line): [string, string] => ['set-cookie', line])), now)

  test('keep their order', () => {
    expect(read('a=b; Path=/; HttpOnly; Secure', 'c=d=e; Max-Age=3600')).toEqual([
      { name: 'a', value: 'b', isDeleted: false },
      { name: 'c', value: 'd=e', isDeleted: false },
    ])
  })

  const deletions: readonly (readonly [string, boolean])[] = [
    ['a=b; Max-Age=0', true],
    ['a=b; max-age=-1', true],
    ['a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT', true],
    ['a=; Path=/', true],
    ['a=b; Expires=Thu, 31 Dec 2026 00:00:00 GMT', false],
    ['a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60', false],
    ['a=b; Max-Age=soon', false],
    ['a=b; Expires=never', false],
  ]
  for (const [line, isDeleted] of deletions)
    test(`${line} ${isDeleted ? 'deletes it' : 'sets it'}`, () => expect(read(line)).toMatchObject([{ isDeleted }]))

  test('are an empty list in a reply without valid cookies', () => {
    expect(read()).toEqual([])
    expect(read('', 'word', '=x; Path=/')).toEqual([])
  })
})
