import { seeded } from '../../src/flow/seeded.double.ts'

/** Random choices that a seed decides. A fork has choices of its own, so that a new choice in one part changes no other part. */
export class Chance {
  readonly #seed: string
  readonly #next: () => number

  constructor(seed: string) {
    this.#seed = seed
    this.#next = seeded(Bun.hash.xxHash32(seed))
  }

  fork(name: string | number): Chance {
    return new Chance(`${this.#seed}/${name}`)
  }

  /** From 0 up to, but not including, 1. */
  next(): number {
    return this.#next()
  }

  happens(probability: number): boolean {
    return this.#next() < probability
  }

  /** A whole number; both ends are possible. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1))
  }

  pick<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[Math.floor(this.#next() * values.length)] ?? values[0]
  }

  /** Picks one by its weight. */
  weigh<Value>(choices: readonly (readonly [weight: number, value: Value])[], otherwise: Value): Value {
    let left = this.#next() * choices.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, value] of choices) {
      left -= weight
      if (left < 0) return value
    }
    return otherwise
  }
}
