/**
 * What is counted. A nano is a thousand millionth of a US dollar. Stored pages have the numbers in this order and without names, so a
 * new one comes last.
 */
const countNames = [
  'requests',
  /** Requests that ended with an error. One that its client left has not failed. */
  'failed',
  /** Answers of upstreams: several for a request to a panel, or with tools. */
  'answers',
  'inputTokens',
  'cachedTokens',
  /** Input that was not read from a cache, at upstreams that say what was. */
  'missedTokens',
  'cacheWriteTokens',
  'outputTokens',
  'reasoningTokens',
  'costNanos',
  /** Answers whose cost is unknown. */
  'unknownCosts',
  /** Answers whose tokens are estimated. */
  'estimates',
  'savedNanos',
] as const

export type CountName = (typeof countNames)[number]

/** The place of each number in a stored row. */
const places = new Map(countNames.map((name, at) => [name, at]))

/** Those that are absent are zero. */
export type Counts = Readonly<Partial<Record<CountName, number>>>

/** Sums of counts, which grow in place. */
export class Totals {
  readonly #numbers: number[]

  /** @param numbers fewer than are known now, if an older version has written them */
  constructor(numbers: readonly number[] = []) {
    this.#numbers = countNames.map((_, at) => numbers[at] ?? 0)
  }

  get numbers(): readonly number[] {
    return this.#numbers
  }

  add(counts: Counts): void {
    let name: CountName
    for (name in counts) {
      const at = places.get(name)
      if (at !== undefined) this.#numbers[at] = (this.#numbers[at] ?? 0) + (counts[name] ?? 0)
    }
  }

  addTotals({ numbers }: Totals): void {
    for (let at = 0; at < countNames.length; at++) this.#numbers[at] = (this.#numbers[at] ?? 0) + (numbers[at] ?? 0)
  }

  of(name: CountName): number {
    return this.#numbers[countNames.indexOf(name)] ?? 0
  }
}
