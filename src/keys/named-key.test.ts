import { describe, expect, test } from 'bun:test'
import { callerOf } from '../chat/caller.ts'
import { compilePatterns } from '../chat/model-patterns.ts'
import { Secret } from '../chat/secret.ts'
import { readBudget, writeBudget } from './budget.ts'
import { readExpiry } from './expiry.ts'
import { hashedKeyOf, hashOf, readKey } from './named-key.ts'

describe('a pattern of models', () => {
  const cases: readonly (readonly [pattern: string, fits: readonly string[], not: readonly string[]])[] = [
    ['openai/*', ['openai/gpt-5', 'openai/a/b'], ['gpt-5', 'azure/gpt-5', 'openai', 'my-openai/gpt-5']],
    ['*mini*', ['openai/gpt-5-mini', 'mini', 'gemini/x'], ['openai/gpt-5']],
    ['gpt-5', ['gpt-5', 'openai/gpt-5'], ['gpt-5-mini', 'openai/x/gpt-5', 'a/gpt-5x']],
    ['openai/gpt-5', ['openai/gpt-5'], ['gpt-5', 'other/openai/gpt-5']],
    ['*', ['anything', 'a/b'], []],
    ['a*b*c', ['abc', 'a-b-c', 'x/a-b-c'], ['acb', 'ab', 'ac']],
    ['ab*ba', ['abba', 'ab-ba'], ['aba']],
    ['(.+)', ['(.+)'], ['abc']],
  ]
  for (const [pattern, fits, not] of cases)
    test(pattern, () => {
      const mayUse = compilePatterns([pattern])
      expect(fits.filter((model) => !mayUse(model))).toEqual([])
      expect(not.filter(mayUse)).toEqual([])
    })

  test('with many stars takes no time', () => {
    const startedAt = Bun.nanoseconds()
    expect(compilePatterns(['*a'.repeat(500)])('a'.repeat(499))).toBe(false)
    expect(Bun.nanoseconds() - startedAt).toBeLessThan(1e9)
  })
})

describe('a budget', () => {
  for (const [text, written] of [
    ['1000000 tokens/day', '1000000 tokens/day'],
    ['1_000_000 tokens / month', '1000000 tokens/month'],
    ['5 USD/month', '5 USD/month'],
    ['$0.50 per day', '0.5 USD/day'],
    ['20usd', '20 USD'],
    ['5000 tokens', '5000 tokens'],
    ['0.00000012 USD/day', '0.00000012 USD/day'],
    ['1000000 USD', '1000000 USD'],
  ] as const)
    test(`${text} is ${written}`, () => {
      const budget = readBudget(text)
      expect(budget && writeBudget(budget)).toBe(written)
    })

  for (const text of [
    '',
    '5',
    '5 EUR',
    '0 USD',
    '-5 USD',
    '5 USD/week',
    '1.5 tokens',
    '0.0000000001 USD',
    'USD',
    '9'.repeat(20),
    '$5 tokens',
  ])
    test(`${text} is none`, () => expect(readBudget(text === '9'.repeat(20) ? `${text} USD` : text)).toBeUndefined())
})

describe('the end of a key', () => {
  for (const [text, end] of [
    ['2027-01-31', '2027-02-01T00:00:00.000Z'],
    ['2027-01-31T12:00:00Z', '2027-01-31T12:00:00.000Z'],
    ['2027-01-31 12:00', '2027-01-31T12:00:00.000Z'],
    ['2027-01-31T12:00:00+02:00', '2027-01-31T10:00:00.000Z'],
  ] as const)
    test(`${text} is ${end}`, () => expect(new Date(readExpiry(text) ?? 0).toISOString()).toBe(end))

  for (const text of ['', 'tomorrow', '2027-13-01', '31.01.2027', '2027', '1830297600'])
    test(`${text} is none`, () => expect(readExpiry(text)).toBeUndefined())
})

test('a key of a file may have each member, and null is none', () => {
  const key = { name: 'a', hash: hashOf('k').toUpperCase(), models: 'openai/*, x', rpm: 5, tpm: null, role: 'admin' }
  const { settings, hash = '' } = readKey(key)
  expect(settings).toEqual({ name: 'a', models: ['openai/*', 'x'], rpm: 5, role: 'admin' })
  const { caller } = hashedKeyOf({ ...settings, hash })
  expect(caller).toMatchObject({ name: 'a', role: 'admin', limits: { rpm: 5 } })
  expect(caller.limits?.tpm).toBeUndefined()
})

test('the id of a caller is that of its key, in whatever form it is given, and not that of an admin’s', () => {
  const ids = [
    { hash: hashOf('sk-0123456789') },
    { hash: readKey({ name: 'b', hash: hashOf('sk-0123456789') }).hash ?? '' },
  ]
  const [one, two] = ids.map(({ hash }) => hashedKeyOf({ name: 'a', role: 'user', hash }).caller.id)
  expect(one).toBe(two ?? '')
  expect(one).not.toBe(callerOf({ secret: new Secret('sk-0123456789'), role: 'admin' }).id)
})
