import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { nearestNames } from './nearest-names.ts'

const known = [
  'smart',
  'openai/gpt-5',
  'openai/gpt-5-mini',
  'openai/gpt-5-nano',
  'openai/text-embedding-3-small',
  'openrouter/openai/gpt-5-mini',
  'openrouter/anthropic/claude-sonnet-4.5',
  'openrouter/anthropic/claude-opus-4.5',
  'mistral/mistral-large-latest',
  'mistral/mistral-small-latest',
  'groq/llama-3.3-70b-versatile',
  'claude-sonnet',
]

test('the same bare name comes first, then names that begin alike, then those with few edits', () => {
  for (const [asked, ...nearest] of [
    ['gpt5-mini', 'openai/gpt-5-mini', 'openrouter/openai/gpt-5-mini'],
    ['azure/gpt-5-mini', 'openai/gpt-5-mini', 'openrouter/openai/gpt-5-mini'],
    ['OpenAI/GPT-5', 'openai/gpt-5'],
    ['opnai/gpt-5', 'openai/gpt-5'],
    ['claude-sonnet-4.5', 'openrouter/anthropic/claude-sonnet-4.5', 'claude-sonnet'],
    ['anthropic/claude-sonnet-4-5', 'openrouter/anthropic/claude-sonnet-4.5'],
    ['mistral-large', 'mistral/mistral-large-latest'],
    ['llama-3.3-70b', 'groq/llama-3.3-70b-versatile'],
    ['smrat', 'smart'],
  ])
    expect([asked, ...nearestNames(asked ?? '', known, 3).slice(0, nearest.length)]).toEqual([asked, ...nearest])
})

test('there are as many as were asked for, and all of them are known', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.array(fc.string(), { maxLength: 60 }),
      (asked, names) => {
        const nearest = nearestNames(asked, names, 3)
        expect(nearest).toHaveLength(Math.min(3, names.length))
        for (const name of nearest) expect(names).toContain(name)
      },
    ),
  )
})

test('a name is found among five thousand', () => {
  const many = Array.from(
    { length: 5_000 },
    (_, at) => `vendor-${at % 50}/model-${at}-${(at * 7919) % 1_000}b-instruct`,
  )
  expect(nearestNames('model-1234-846b-instrct', many, 1)).toEqual([many[1234] ?? ''])
})
