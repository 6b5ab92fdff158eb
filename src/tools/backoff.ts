import type { Runtime } from '../flow/runtime.ts'

const firstMs = 1_000
const maxMs = 60_000
/** Milliseconds for which a server that misbehaved is not contacted. */
const cutOffMs = 300_000
/** Milliseconds after which a connection counts as good. */
const steadyMs = 60_000

/** How long to wait before a failed server is tried again: at once after a good connection, then 1 s, 2 s … 60 s, each shortened at random by up to half. */
export class Backoff {
  readonly #runtime: Pick<Runtime, 'elapsed' | 'random'>
  #failures = 0
  #connectedAt: number | undefined
  #until = 0

  constructor(runtime: Pick<Runtime, 'elapsed' | 'random'>) {
    this.#runtime = runtime
  }

  get isWaiting(): boolean {
    return this.waitMs > 0
  }

  /** Milliseconds until the server may be tried again. */
  get waitMs(): number {
    return Math.max(0, this.#until - this.#runtime.elapsed())
  }

  /** Notes that a connection has begun. */
  noteConnection(): void {
    this.#connectedAt = this.#runtime.elapsed()
  }

  noteFailure(): void {
    const lasted = this.#connectedAt === undefined ? 0 : this.#runtime.elapsed() - this.#connectedAt
    this.#failures = lasted >= steadyMs ? 1 : this.#failures + 1
    this.#connectedAt = undefined
    const waitMs = this.#failures === 1 ? 0 : Math.min(maxMs, firstMs * 2 ** (this.#failures - 2))
    this.#until = this.#runtime.elapsed() + waitMs * (1 - this.#runtime.random() / 2)
  }

  noteMisbehaviour(): void {
    this.#connectedAt = undefined
    this.#until = this.#runtime.elapsed() + cutOffMs
  }
}
