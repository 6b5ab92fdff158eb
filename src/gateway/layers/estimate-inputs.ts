import type { Usage } from '../../chat/event.ts'
import type { EmbeddingEvent, EmbeddingRequest } from '../../chat/task.ts'
import type { Batch } from '../../flow/flow.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { Embed } from './batches.ts'
import type { CountTokens } from './estimate.ts'

/** Estimates the tokens of the inputs if the upstream does not state them. */
export function estimateInputs(countTokens: CountTokens, next: Embed): Embed {
  return (request, call) => watch(next(request, call), new InputEstimate(request, countTokens))
}

class InputEstimate implements Watcher<EmbeddingEvent> {
  readonly #request: EmbeddingRequest
  readonly #countTokens: CountTokens
  #isCounted = false

  constructor(request: EmbeddingRequest, countTokens: CountTokens) {
    this.#request = request
    this.#countTokens = countTokens
  }

  onBatch(batch: Batch<EmbeddingEvent>): void {
    if (batch.some(({ type }) => type === 'usage')) this.#isCounted = true
  }

  addAtEnd({ kind }: Ending): EmbeddingEvent | undefined {
    if (this.#isCounted || kind !== 'done') return undefined
    this.#isCounted = true
    return { type: 'usage', usage: usageOfInputs(this.#request, this.#countTokens) }
  }
}

export function usageOfInputs({ inputs }: EmbeddingRequest, countTokens: CountTokens): Usage {
  const counts = inputs.map((one) => (typeof one === 'string' ? countTokens(one) : one.length))
  return { inputTokens: counts.reduce((a, b) => a + b, 0), source: 'estimate' }
}
