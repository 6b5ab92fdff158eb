import type { Usage } from '../../chat/event.ts'
import type { Task } from '../../chat/task.ts'
import type { Call } from '../../flow/call.ts'
import type { Ending } from '../../flow/watch.ts'
import type { AnswerListener } from '../call-record.ts'
import type { CostOf } from '../cost-of.ts'

/** Whose answers are noted, and who is told. */
export interface AnsweringUpstream {
  /** The name of the upstream that answers. */
  readonly upstream: string
  readonly onAnswer?: AnswerListener | undefined
  readonly costOf?: CostOf | undefined
}

/** Notes in the receipt of a call what an answer has used. It is made before the upstream is asked. */
export class AnswerNotes {
  readonly #source: AnsweringUpstream
  readonly #call: Call
  readonly #attemptsBefore: number

  constructor(source: AnsweringUpstream, call: Call) {
    this.#source = source
    this.#call = call
    this.#attemptsBefore = call.receipt.attempts
  }

  /** Whether the client left when the upstream had the request. Most upstreams charge for what they have read by then. */
  wasLeft(ending: Ending): boolean {
    const isLeft = ending.kind === 'left' || (ending.kind === 'failed' && ending.error.reason === 'cancelled')
    return isLeft && this.#call.receipt.attempts > this.#attemptsBefore
  }

  /** @param asked the model, and the task if it is no chat */
  add({ model, task }: { readonly model: string; readonly task?: Task }, usage: Usage | undefined): void {
    const { upstream, onAnswer, costOf } = this.#source
    // worked out once: the ledger, the limits and the operator's list need it
    const cost = usage && costOf?.({ upstream, model, usage })
    const answer = { upstream, model, task, usage, cost }
    this.#call.receipt.answers.push(answer)
    onAnswer?.(answer, this.#call)
  }
}
