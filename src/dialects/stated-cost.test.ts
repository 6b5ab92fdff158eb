import { expect, test } from 'bun:test'
import { decodeUsage as decodeMessages } from './anthropic-messages/usage.ts'
import { decodeUsage as decodeChat, encodeUsage } from './openai-chat/usage.ts'
import { decodeUsage as decodeResponses } from './openai-responses/decode-usage.ts'
import { statedCost } from './stated-cost.ts'

for (const [what, wire, cost] of [
  ['OpenRouter states dollars', { cost: 0.95, cost_details: { upstream_inference_cost: 19 } }, 0.95],
  [
    'OpenRouter adds its fee to the price of the service whose key is used',
    { cost: 0.05, is_byok: true, cost_details: { upstream_inference_cost: 1 } },
    1.05,
  ],
  ['OpenRouter states 0 for a free model', { cost: 0 }, 0],
  ['xAI states ticks', { cost_in_usd_ticks: 37_756_000 }, 0.0037756],
  ['Perplexity states the parts and the total', { cost: { input_tokens_cost: 1, total_cost: 3 } }, 3],
  ['DeepInfra states an estimate', { estimated_cost: 0.25 }, 0.25],
  ['nothing is stated', { prompt_tokens: 1 }, undefined],
  ['what is no amount is nothing', { cost: '0.5', estimated_cost: -1, cost_in_usd_ticks: null }, undefined],
  ['an impossible amount is nothing', { cost: Number.MAX_VALUE }, undefined],
  ['an empty object is nothing', { cost: {} }, undefined],
] as const)
  test(`the cost of an answer: ${what}`, () => expect(statedCost(wire).cost).toBe(cost))

test('each dialect reads the cost, and gives it to clients of its own', () => {
  const counts = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, cost: 0.5 }
  expect(decodeChat(counts)).toMatchObject({ inputTokens: 1, cost: 0.5 })
  expect(encodeUsage(decodeChat(counts))).toEqual(counts)
  expect(decodeResponses({ input_tokens: 1, output_tokens: 1, cost: 0.5 })).toMatchObject({
    outputTokens: 1,
    cost: 0.5,
  })
  expect(decodeMessages({ input_tokens: 1, output_tokens: 1, cost: 0.5 })).toMatchObject({ inputTokens: 1, cost: 0.5 })
})

test("Anthropic's tokens that were written for an hour are known apart", () => {
  const cache_creation = { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 4 }
  const usage = decodeMessages({ input_tokens: 1, cache_creation_input_tokens: 7, output_tokens: 1, cache_creation })
  expect(usage).toMatchObject({ inputTokens: 8, cacheWriteTokens: 7, longCacheWriteTokens: 4 })
})
