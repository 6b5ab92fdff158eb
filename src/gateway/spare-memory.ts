import type { Runtime } from '../flow/runtime.ts'

/** Milliseconds for which a measurement is used. It takes 40 µs, which is much for each of many calls. */
const measuredForMs = 100
/** The share of the memory up to which calls begin. The rest is for those that run. */
const usableShare = 0.85

/** Tells whether this process has memory for another call. The machine or the container sets the limit. */
export class SpareMemory {
  readonly #runtime: Pick<Runtime, 'elapsed' | 'memory'>
  #isLeft = true
  #measureAt = Number.NEGATIVE_INFINITY

  constructor(runtime: Pick<Runtime, 'elapsed' | 'memory'>) {
    this.#runtime = runtime
  }

  isLeft(): boolean {
    const now = this.#runtime.elapsed()
    if (now < this.#measureAt) return this.#isLeft
    const { usedBytes, limitBytes } = this.#runtime.memory()
    this.#isLeft = usedBytes < usableShare * limitBytes
    this.#measureAt = now + measuredForMs
    return this.#isLeft
  }
}
