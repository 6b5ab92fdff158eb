import { type ChatEvent, type FinishEvent, isOfPart, type Seam, type Usage } from '../../chat/event.ts'
import type { Call } from '../../flow/call.ts'
import type { Batch } from '../../flow/flow.ts'
import { sum } from '../layers/choices.ts'
import type { BrokenPart, SaidSoFar } from './said-so-far.ts'

/** Changes the events of a new answer to those of the whole one: its parts are numbered on, and its usage is the sum. */
export class JoinedAnswer {
  readonly #call: Call
  readonly #usageBefore: Usage | undefined
  /** The part that the broken answer has left open. */
  #open: BrokenPart | undefined
  #nextPart: number
  /** The part's number in the whole answer, by its number in the new one. */
  readonly #parts = new Map<number, number>()

  constructor(said: SaidSoFar, call: Call) {
    this.#call = call
    this.#usageBefore = said.usage
    this.#open = said.open
    this.#nextPart = said.nextPart
  }

  readonly add = (batch: Batch): Batch => batch.flatMap((event) => this.#events(event))

  #events(event: ChatEvent): readonly ChatEvent[] {
    if (event.type === 'usage') return [{ ...event, usage: this.#whole(event.usage) }]
    if (event.type === 'finish') return [...this.#close(), event]
    if (event.type === 'seam') this.#note(event.seam)
    if (!isOfPart(event)) return [event]
    const known = this.#parts.get(event.part)
    if (known !== undefined) return [{ ...event, part: known }]
    const closed = event.type === 'text' && this.#open?.isText ? [] : this.#close()
    const part = this.#open?.part ?? this.#nextPart++
    this.#open = undefined
    this.#parts.set(event.part, part)
    return [...closed, { ...event, part }]
  }

  #note(seam: Seam): void {
    const { receipt, signal } = this.#call
    receipt.seams = [...(receipt.seams ?? []), { ...seam, at: signal.runtime.elapsed() }]
  }

  /** Ends the part that is open. */
  #close(): readonly ChatEvent[] {
    const open = this.#open
    this.#open = undefined
    return open ? [{ type: 'part-end', choice: 0, part: open.part }] : []
  }

  #whole(usage: Usage): Usage {
    return this.#usageBefore ? sum([this.#usageBefore, usage]) : usage
  }
}

/** The end of an answer that broke off when it had reached its limit of length. */
export function endAtLength({ open }: SaidSoFar): Batch {
  const finish: FinishEvent = { type: 'finish', choice: 0, reason: 'length' }
  return open ? [{ type: 'part-end', choice: 0, part: open.part }, finish] : [finish]
}
