import { expect, test } from 'bun:test'
import { readKey } from '../../../../keys/named-key.ts'
import { changesOf, isExpired, newKeyOf, readBudget, valuesOf } from './key-values.ts'
import type { ClientKey } from './types.ts'

const full: ClientKey = {
  ...{ name: 'phone', role: 'user', source: 'state', created: '2026-11-01T10:00:00Z', owner: 'Ada' },
  ...{ models: ['openai/*', '*mini*'], rpm: 20, tpm: 100_000, concurrent: 4, budget: '5 USD/month' },
  expires: '2027-01-31',
}

test('what the form shows of a key makes the same key, by the gateway’s own reader', () => {
  const { source: _, created: __, ...settings } = full
  expect(readKey(newKeyOf(valuesOf(full))).settings).toEqual(settings)
  expect(readKey(newKeyOf({ ...valuesOf(), name: 'a' })).settings).toEqual({ name: 'a', role: 'user' })
})

test('every budget that the gateway writes is read and written again', () => {
  for (const budget of ['5 USD/month', '0.25 USD/day', '20 USD', '1000000 tokens/day', '1000000 tokens'])
    expect(newKeyOf({ ...valuesOf(), budget: readBudget(budget) }).budget).toBe(budget)
  expect(readBudget(undefined)).toEqual({ amount: '', unit: 'USD', period: 'month' })
})

test('only what was changed is sent, and null for what was taken away', () => {
  const before = valuesOf(full)
  expect(changesOf(before, before)).toEqual({})
  const after = { ...before, rpm: '', tpm: '5', models: ' openai/* ,\n\n', budget: { ...before.budget, amount: '' } }
  expect(changesOf(before, after)).toEqual({ models: ['openai/*'], rpm: null, tpm: 5, budget: null })
})

test('a text that is no number goes to the gateway, which says so at the right field', () => {
  const thrown = (() => {
    try {
      return readKey(newKeyOf({ ...valuesOf(), name: 'a', rpm: '1e3' }))
    } catch (error) {
      return error
    }
  })()
  expect(thrown).toMatchObject({ param: 'rpm' })
})

test('a date ends at its end by UTC, and a time at once', () => {
  const at = (expires: string, now: string) => isExpired({ ...full, expires }, Date.parse(now))
  expect(at('2026-11-29', '2026-11-29T23:59:59Z')).toBe(false)
  expect(at('2026-11-29', '2026-11-30T00:00:00Z')).toBe(true)
  expect(at('2026-11-29T12:00', '2026-11-29T12:00:00Z')).toBe(true)
  expect(at('2026-11-29T12:00:00+02:00', '2026-11-29T09:59:59Z')).toBe(false)
})
