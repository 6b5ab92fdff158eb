import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readCount, type TokenCounts, wholeCounts } from './stated-usage.ts'

const counts: readonly (readonly [unknown, number | undefined])[] = [
  [0, 0],
  [7, 7],
  ['7', 7],
  [-1, undefined],
  [0.5, undefined],
  [Number.NaN, undefined],
  [Number.POSITIVE_INFINITY, undefined],
  [1e300, undefined],
  ['', undefined],
  ['-7', undefined],
  ['7 tokens', undefined],
  [null, undefined],
  [[7], undefined],
  [true, undefined],
]
for (const [value, count] of counts)
  test(`${JSON.stringify(value)} (${typeof value}) as a count is ${count}`, () => expect(readCount(value)).toBe(count))

const stated: readonly (readonly [string, TokenCounts, TokenCounts])[] = [
  [
    'a total with the cache next to the input',
    { inputTokens: 200, cachedInputTokens: 80, outputTokens: 5, totalTokens: 285 },
    { inputTokens: 280, totalTokens: 285 },
  ],
  [
    'a total with the cache inside the input',
    { inputTokens: 200, cachedInputTokens: 80, outputTokens: 5, totalTokens: 205 },
    { inputTokens: 200, totalTokens: 205 },
  ],
  [
    'a cache next to the input that the total leaves out too',
    { inputTokens: 20, cachedInputTokens: 50, cacheWriteTokens: 30, outputTokens: 5, totalTokens: 25 },
    { inputTokens: 100, totalTokens: 105 },
  ],
  [
    'a total with the reasoning next to the output',
    { inputTokens: 32, outputTokens: 100, reasoningTokens: 94, totalTokens: 226 },
    { outputTokens: 194, totalTokens: 226 },
  ],
  [
    'a total without an explanation',
    { inputTokens: 32, cachedInputTokens: 3, outputTokens: 9, totalTokens: 1000 },
    { inputTokens: 32, outputTokens: 9, totalTokens: 1000 },
  ],
  ['no input', { cachedInputTokens: 80, outputTokens: 5 }, { cachedInputTokens: 80, outputTokens: 5 }],
]
for (const [name, given, expected] of stated)
  test(name, () => expect(wholeCounts(given)).toEqual({ ...given, ...expected }))

const upTo = (max: number) => fc.nat({ max })
/** The real counts of an upstream. */
const truth = fc
  .record({ fresh: upTo(5000), read: upTo(5000), written: upTo(5000), said: upTo(5000), thought: upTo(5000) })
  // otherwise the totals of the two readings would be equal
  .filter(({ read, written, thought }) => read + written !== thought)

test('a total shows whether the cache and the reasoning are counted within or apart', () => {
  fc.assert(
    fc.property(truth, fc.record({ cache: fc.boolean(), reasoning: fc.boolean() }), (counted, beside) => {
      const { fresh, read, written, said, thought } = counted
      const cache = read + written
      const whole = {
        inputTokens: fresh + cache,
        cachedInputTokens: read,
        cacheWriteTokens: written,
        outputTokens: said + thought,
        reasoningTokens: thought,
        totalTokens: fresh + cache + said + thought,
      }
      const given = {
        ...whole,
        inputTokens: beside.cache ? fresh : fresh + cache,
        outputTokens: beside.reasoning ? said : said + thought,
      }
      expect(wholeCounts(given)).toEqual(whole)
      const { totalTokens: _, ...untotalled } = given
      const { totalTokens: _total, ...rest } = whole
      expect(wholeCounts(untotalled, beside)).toEqual(rest)
    }),
  )
})
