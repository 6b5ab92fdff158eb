import { describe, expect, test } from 'bun:test'
import { calcPrice, type Provider } from '@pydantic/genai-prices'
import fc from 'fast-check'
import { packagedServices, shippedText } from '../../test/price-package.ts'
import { runs } from '../../test/sizes.ts'
import type { Usage } from '../chat/event.ts'
import { OwnPrices } from './own-prices.ts'
import { priceOf, savedOf } from './price.ts'
import { type Cost, type PricedUpstream, Prices } from './prices.ts'
import { ratesAt } from './rates.ts'
import { shippedRates } from './shipped-prices.ts'

const at = Date.UTC(2026, 10, 29, 12)
const openai: PricedUpstream = { name: 'openai', baseUrl: 'https://api.openai.com/v1' }
const million: Usage = { inputTokens: 1_000_000, outputTokens: 1_000_000, source: 'upstream' }

function setUp(upstreams: readonly PricedUpstream[] = [openai], own?: OwnPrices) {
  const prices = new Prices({ upstreams, ...(own && { own }) })
  return (model: string, usage = million, upstream = upstreams[0]?.name ?? '') =>
    known(prices.costOf({ upstream, model, usage, at }))
}

/** Undefined if the cost is. */
function known({ usd, source }: Cost) {
  return usd === undefined ? undefined : { usd, source }
}

describe('the shipped prices', () => {
  test('are those of the installed package', async () => {
    const shipped = await Bun.file(`${import.meta.dir}/shipped-prices.txt`).text()
    // `bun run prices` writes the file again
    expect(shipped === (await shippedText())).toBe(true)
  })

  test('give the same costs as the package itself, at any time and for any tokens', async () => {
    const names = new Map([...(await packagedServices())].map((service) => [service.id, namesIn(service)]))
    const urls = await sampleUrls()
    const answer = fc.record({
      service: fc.constantFrom(...urls.keys()),
      pick: fc.nat(),
      at: fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2026, 11) }),
      input: fc.nat(500_000),
      cached: fc.nat(1_000),
      write: fc.nat(1_000),
      hour: fc.nat(1_000),
      output: fc.nat(50_000),
      reasoning: fc.nat(50_000),
    })
    let compared = 0
    fc.assert(
      fc.property(answer, ({ service, pick, ...one }) => {
        const models = names.get(service) ?? []
        const model = models[pick % models.length]
        const url = urls.get(service)
        if (model === undefined || url === undefined) return
        const list = shippedRates(url, model)
        const rates = list && ratesAt(list, one.at)
        const [input, reasoning] = [one.input + one.cached + one.write + one.hour, Math.min(one.reasoning, one.output)]
        const ours =
          rates &&
          priceOf(
            {
              inputTokens: input,
              cachedInputTokens: one.cached,
              cacheWriteTokens: one.write + one.hour,
              longCacheWriteTokens: one.hour,
              outputTokens: one.output,
              reasoningTokens: reasoning,
              source: 'upstream',
            },
            rates,
          )
        if (ours === undefined) return
        const usage = {
          input_tokens: input,
          cache_read_tokens: one.cached,
          cache_write_tokens: one.write + one.hour,
          cache_write_1h_tokens: one.hour,
          output_tokens: one.output,
          output_reasoning_tokens: reasoning,
        }
        const theirs = calcPrice(usage, model, { providerApiUrl: url, timestamp: new Date(one.at) })
        expect(ours).toBeCloseTo(theirs?.total_price ?? Number.NaN, 9)
        compared++
      }),
      { numRuns: runs(1_000) },
    )
    expect(compared).toBeGreaterThan(100)
  })

  for (const [url, model, input] of [
    ['https://api.openai.com/v1', 'gpt-5-mini-2025-08-07', 0.25],
    ['https://api.openai.com/v1', 'GPT-5-Mini', 0.25],
    ['https://api.anthropic.com', 'claude-sonnet-4-20250514', 3],
    ['https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1', 'eu.anthropic.claude-sonnet-4-20250514-v1:0', 3],
    ['https://name.openai.azure.com/openai/v1', 'gpt-4o-mini', 0.15],
    ['https://us-east5-aiplatform.googleapis.com/v1', 'claude-3-5-haiku@20241022', 0.8],
    ['https://generativelanguage.googleapis.com/v1beta/openai', 'gemini-2.5-pro', 1.25],
    ['https://api.groq.com/openai/v1', 'llama-3.3-70b-versatile', 0.59],
  ] as const)
    test(`know ${model} at ${new URL(url).host}`, () => {
      const list = shippedRates(url, model)
      expect([ratesAt(list ?? [], at)?.input].flat()[0]).toBe(input)
    })

  for (const [url, model] of [
    ['https://api.openai.com/v1', 'my-own-model'],
    ['https://api.openai.com/v1', 'gpt-audio'],
    ['http://127.0.0.1:11434/v1', 'gpt-5-mini'],
    ['https://api.openai.com.example.org/v1', 'gpt-5-mini'],
    ['https://gateway.example.org/https://api.openai.com', 'gpt-5-mini'],
  ] as const)
    test(`do not know ${model} at ${new URL(url).host}`, () => expect(shippedRates(url, model)).toBeUndefined())
})

describe('the cost of an answer is', () => {
  test('what the upstream states, also if that is nothing', () => {
    const own = new OwnPrices({ 'openai/*': { input: 7, output: 7 } })
    expect(setUp([openai], own)('gpt-5-mini', { ...million, cost: 0 })).toEqual({ usd: 0, source: 'upstream' })
  })

  test("otherwise by the operator's prices, the closest first", () => {
    const own = new OwnPrices({
      '*': { input: 9, output: 9 },
      'openai/gpt-*': { input: 2, output: 2 },
      'openai/gpt-5-mini': { input: 1, output: 1 },
    })
    const costOf = setUp([openai], own)
    expect(costOf('gpt-5-mini')).toEqual({ usd: 2, source: 'prices-file' })
    expect(costOf('gpt-9')).toEqual({ usd: 4, source: 'prices-file' })
    expect(costOf('a.b(c')).toEqual({ usd: 18, source: 'prices-file' })
  })

  test('otherwise by the shipped prices', () => {
    expect(setUp()('gpt-5-mini')).toEqual({ usd: 2.25, source: 'package' })
  })

  test('otherwise unknown, and never zero', () => {
    expect(setUp()('my-own-model')).toBeUndefined()
    expect(setUp()('gpt-5-mini', { source: 'estimate' })).toBeUndefined()
    expect(setUp()('gpt-5-mini', { inputTokens: 1, source: 'estimate' })).toBeUndefined()
    expect(setUp([{ ...openai, isWebProduct: true }])('gpt-5-mini')).toBeUndefined()
    expect(setUp([{ name: 'here' }])('gpt-5-mini')).toBeUndefined()
    expect(setUp()('gpt-5-mini', million, 'nobody')).toBeUndefined()
    expect(setUp()(`gpt-5-mini${'x'.repeat(1_000)}`)).toBeUndefined()
    const embeddings = new OwnPrices({ 'openai/*': { input: 1 } })
    expect(setUp([openai], embeddings)('a')).toBeUndefined()
    expect(setUp([openai], embeddings)('a', { inputTokens: 1_000_000, source: 'upstream' })?.usd).toBe(1)
  })

  test('nothing, if the operator says so, whatever is known of the tokens', () => {
    const free = new OwnPrices({ 'ollama/*': { input: 0, output: 0 } })
    const costOf = setUp([{ name: 'ollama', baseUrl: 'http://127.0.0.1:11434/v1' }], free)
    expect(costOf('a', { source: 'estimate' })?.usd).toBe(0)
  })

  test('that of the tokens that the upstream charges for', () => {
    const rates = { input: 1, output: 10 }
    expect(priceOf({ ...million, billed: { inputTokens: 2_000_000, outputTokens: 0 } }, rates)).toBe(2)
  })
})

describe('the cache', () => {
  const rates = { input: 10, cached: 1, write: 12, write1h: 20, output: 0 }
  const usage: Usage = { inputTokens: 4_000_000, outputTokens: 0, source: 'upstream' }

  test('saves what reading costs less, less what writing costs more', () => {
    expect(savedOf(usage, rates)).toBe(0)
    expect(savedOf({ ...usage, cachedInputTokens: 1_000_000 }, rates)).toBe(9)
    expect(savedOf({ ...usage, cacheWriteTokens: 1_000_000 }, rates)).toBe(-2)
    expect(savedOf({ ...usage, cacheWriteTokens: 1_000_000, longCacheWriteTokens: 1_000_000 }, rates)).toBe(-10)
  })

  test('costs as much as other input, if it has no price of its own', () => {
    const cached = { ...usage, cachedInputTokens: 1_000_000, cacheWriteTokens: 1_000_000 }
    expect(priceOf(cached, { input: 10, output: 0 })).toBe(40)
    expect(priceOf({ ...cached, longCacheWriteTokens: 1_000_000 }, { input: 10, write: 12, output: 0 })).toBe(42)
  })
})

/** The exact names that the package gives its models. */
function namesIn({ models }: Provider): readonly string[] {
  return models.map(({ id }) => id)
}

/** An address of each service: its pattern, read as a text. Services whose pattern allows several hosts are left out. */
async function sampleUrls(): Promise<ReadonlyMap<string, string>> {
  const plain = (await packagedServices()).map(
    ({ id, api_pattern: pattern }) =>
      [id, `${pattern.replaceAll('\\.', '.').replace(/\(\?:\/\|\$\)$|\(\/\|\$\)$/, '')}/v1`] as const,
  )
  return new Map(plain.filter(([, url]) => /^https:\/\/[\w./-]+$/.test(url)))
}
