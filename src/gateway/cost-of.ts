import type { Usage } from '../chat/event.ts'
import type { AnswerCost } from '../flow/call.ts'

/** An answer of an upstream, whose cost is asked for. */
interface ServedAnswer {
  readonly upstream: string
  /** The upstream's own name of the model. */
  readonly model: string
  readonly usage: Usage
}

/** Says what an answer cost, as far as that is known. */
export type CostOf = (answer: ServedAnswer) => AnswerCost
