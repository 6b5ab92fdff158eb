import { expect, test } from 'bun:test'
import { readConfig } from './config.ts'

const keys = {
  OPENAI_API_KEY: 'a-key',
  MISTRAL_TOKEN: 'a-token',
  UPSTREAM_MY_LAB_URL: 'http://127.0.0.1:9/v1',
  LANGFAST_SUPABASE_ANON_KEY: 'a-public-key',
}

function limitsWith(variables: Record<string, string>) {
  const config = readConfig({ ...keys, ...variables }, false)
  if ('problems' in config) return config.problems.map(({ variable, problem }) => `${variable} ${problem}`)
  return Object.fromEntries(config.upstreams.map(({ name, maxRpm, onLimit }) => [name, [maxRpm, onLimit]]))
}

const none = [undefined, undefined]

test('every upstream may have a limit of its own', () => {
  expect(limitsWith({})).toEqual({ openai: none, mistral: none, 'my-lab': none, langfast: none })
  expect(
    limitsWith({ OPENAI_MAX_RPM: '60', UPSTREAM_MY_LAB_MAX_RPM: '5', LANGFAST_MAX_RPM: '2', MISTRAL_ON_LIMIT: 'REST' }),
  ).toEqual({
    openai: [60, undefined],
    mistral: [undefined, 'rest'],
    'my-lab': [5, undefined],
    langfast: [2, undefined],
  })
})

test('ON_LIMIT is for all upstreams without their own', () => {
  expect(limitsWith({ ON_LIMIT: 'rest', OPENAI_ON_LIMIT: 'next' })).toMatchObject({
    openai: [undefined, 'next'],
    mistral: [undefined, 'rest'],
    langfast: [undefined, 'rest'],
  })
})

test('a wrong value is reported once', () => {
  expect(limitsWith({ ON_LIMIT: 'sleep', OPENAI_MAX_RPM: 'many' })).toEqual([
    'ON_LIMIT is not one of its allowed words',
    'OPENAI_MAX_RPM is not a whole number from 0 to 10000',
  ])
})
