import { asChatError, type ChatError } from '../../chat/error.ts'
import type { AnyEvent } from '../../flow/begin.ts'
import type { Call } from '../../flow/call.ts'
import type { FlowOpening } from '../../flow/defer.ts'
import type { Flow } from '../../flow/flow.ts'
import { type FirstTry, tryFirst } from '../../flow/try-first.ts'

/** Opens the answer of one of several that can replace each other. */
export type OpenTry<Event> = () => Flow<Event>

/** Reads the first answer. While nothing of it was shown, a failure is replaced by the next one, as far as the attempts go. */
export function tryInOrder<Event extends AnyEvent>(
  [first, ...others]: readonly [OpenTry<Event>, ...OpenTry<Event>[]],
  call: Call,
): Flow<Event> {
  return tryFirst(new OrderedTries(first, others, call), call.signal)
}

class OrderedTries<Event extends AnyEvent> implements FirstTry<Event> {
  readonly #first: OpenTry<Event>
  readonly #others: readonly OpenTry<Event>[]
  readonly #call: Call
  /** The call's attempts before the current try. */
  #spentBefore = 0

  constructor(first: OpenTry<Event>, others: readonly OpenTry<Event>[], call: Call) {
    this.#first = first
    this.#others = others
    this.#call = call
  }

  open(): Flow<Event> {
    this.#spentBefore = this.#call.attempts.spent
    return this.#first()
  }

  async recover(thrown: unknown, { begin, signal }: FlowOpening): Promise<Flow<Event>> {
    const { attempts } = this.#call
    let failure = thrown
    let last: ChatError | undefined
    for (const open of this.#others) {
      const error = asChatError(failure)
      const wasAsked = attempts.spent > this.#spentBefore
      last = explaining(error, { wasAsked, last })
      if (attempts.left === 0 || signal.aborted || (wasAsked && error.meaning.retry === 'none')) throw last
      this.#spentBefore = attempts.spent
      try {
        return await begin(open())
      } catch (thrownAgain) {
        failure = thrownAgain
      }
    }
    throw explaining(asChatError(failure), { wasAsked: attempts.spent > this.#spentBefore, last })
  }
}

/**
 * An error of one that was not asked (its retry budget is spent, for example) explains less than an earlier error. If
 * all are ejected, the client may try again when the first of them is tried again.
 */
function explaining(
  error: ChatError,
  { wasAsked, last }: { readonly wasAsked: boolean; readonly last: ChatError | undefined },
): ChatError {
  if (wasAsked || !last) return error
  const areEjected = error.code === 'upstream_unavailable' && last.code === error.code
  return areEjected && (error.retryAfterMs ?? 0) < (last.retryAfterMs ?? 0) ? error : last
}
