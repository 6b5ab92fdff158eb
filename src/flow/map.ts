import type { Batch, Flow, NextBatch } from './flow.ts'

/** Changes each batch of a flow. A batch that becomes empty is skipped. `change` must not throw. */
export function map<From, To>(flow: Flow<From>, change: (batch: Batch<From>) => readonly To[]): Flow<To> {
  return new MappedFlow(flow, change)
}

class MappedFlow<From, To> implements Flow<To> {
  readonly #inner: Flow<From>
  readonly #change: (batch: Batch<From>) => readonly To[]

  constructor(inner: Flow<From>, change: (batch: Batch<From>) => readonly To[]) {
    this.#inner = inner
    this.#change = change
  }

  next(): NextBatch<To> | Promise<NextBatch<To>> {
    for (;;) {
      const batch = this.#inner.next()
      if (batch instanceof Promise) return batch.then(this.#onBatch)
      const changed = batch && this.#change(batch)
      if (!changed || changed.length > 0) return changed
    }
  }

  close(): void {
    this.#inner.close()
  }

  readonly #onBatch = (batch: NextBatch<From>): NextBatch<To> | Promise<NextBatch<To>> => {
    const changed = batch && this.#change(batch)
    return !changed || changed.length > 0 ? changed : this.next()
  }
}
