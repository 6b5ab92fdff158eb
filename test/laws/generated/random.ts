/** Random choices from a seed: the same seed gives the same choices on every machine. */
export interface Random {
  /** Returns a whole number from 0 to `limit - 1`. */
  below(limit: number): number
  /** Returns true with this probability. */
  chance(probability: number): boolean
  pick<T>(items: readonly [T, ...T[]]): T
  /** Makes a list of `from` to `to` items. */
  list<T>(from: number, to: number, make: (at: number) => T): T[]
  shuffled<T>(items: readonly T[]): T[]
}

/** Mulberry32, a generator with 32 bits of state, by Tommy Ettinger, in the public domain. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)] ?? items[0],
    list: (from, to, make) => Array.from({ length: from + below(to - from + 1) }, (_, at) => make(at)),
    shuffled(items) {
      const mixed = items.map((item) => ({ item, rank: next() }))
      return mixed.sort((left, right) => left.rank - right.rank).map(({ item }) => item)
    },
  }
}
