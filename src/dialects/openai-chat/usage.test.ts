import { expect, test } from 'bun:test'
import { encodeUsage, usageIn } from './usage.ts'

/** Returns the usage that a client gets. */
function relayed(usage: unknown) {
  const found = usageIn({ usage }, [])
  return found && encodeUsage(found)
}

test('usage without counts is left out, so that it is estimated', () => {
  expect(relayed({})).toBeUndefined()
})

test('a missing total becomes the sum, because clients in typed languages require it', () => {
  expect(relayed({ prompt_tokens: 3, completion_tokens: 4 })).toEqual({
    prompt_tokens: 3,
    completion_tokens: 4,
    total_tokens: 7,
  })
  expect(relayed({ prompt_tokens: 3 })).toEqual({ prompt_tokens: 3 })
})

test('a count is never null, because clients in typed languages require a number', () => {
  const details = { cached_tokens: null, audio_tokens: 0 }
  const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 9, cost: 0.5 }
  const nothing = { total_tokens: null, completion_tokens_details: null }
  expect(relayed({ ...usage, prompt_tokens_details: details })).toEqual({
    ...usage,
    prompt_tokens_details: { audio_tokens: 0 },
  })
  expect(relayed({ ...usage, ...nothing })).toEqual({ ...usage, total_tokens: 7 })
})

test('counts of a wrong type are left out, and a number in text is a count', () => {
  const odd = { prompt_tokens: '3', completion_tokens: 4, total_tokens: 'many', prompt_tokens_details: '' }
  expect(relayed(odd)).toEqual({ prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 })
  expect(
    relayed({ prompt_tokens: -1, completion_tokens: 4, completion_tokens_details: { reasoning_tokens: {} } }),
  ).toEqual({ completion_tokens: 4, completion_tokens_details: {} })
})

for (const usage of ['', 'none', null, 0, [], false])
  test(`usage may be ${JSON.stringify(usage)}`, () => expect(relayed(usage)).toBeUndefined())

/** Usage in the forms of services, and the input that is read from it. */
const inputs: readonly (readonly [string, object, object])[] = [
  [
    'OpenAI and OpenRouter',
    { prompt_tokens: 100, prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 } },
    { inputTokens: 100, cachedInputTokens: 60, cacheWriteTokens: 30 },
  ],
  [
    'a gateway with the names of Anthropic',
    { prompt_tokens: 100, cache_read_input_tokens: 60, cache_creation_input_tokens: 30 },
    { inputTokens: 100, cachedInputTokens: 60, cacheWriteTokens: 30 },
  ],
  [
    'a gateway with the names and the counting of Anthropic',
    { prompt_tokens: 10, cache_read_input_tokens: 60, cache_creation_input_tokens: 30 },
    { inputTokens: 100, cachedInputTokens: 60, cacheWriteTokens: 30 },
  ],
  ['DeepSeek', { prompt_tokens: 100, prompt_cache_hit_tokens: 60 }, { inputTokens: 100, cachedInputTokens: 60 }],
  ['no details of a cache', { prompt_tokens: 100, prompt_tokens_details: {} }, { inputTokens: 100 }],
]
for (const [name, usage, expected] of inputs)
  test(`the input of usage: ${name}`, () => {
    const { native: _, source: _source, ...counts } = usageIn({ usage }, []) ?? { source: 'estimate' }
    expect(counts).toEqual(expected)
  })

test('cache writes are encoded in the member of OpenRouter', () => {
  const usage = {
    inputTokens: 9,
    outputTokens: 1,
    cachedInputTokens: 5,
    cacheWriteTokens: 3,
    source: 'upstream',
  } as const
  expect(encodeUsage(usage)).toEqual({
    prompt_tokens: 9,
    completion_tokens: 1,
    total_tokens: 10,
    prompt_tokens_details: { cached_tokens: 5, cache_write_tokens: 3 },
  })
})
