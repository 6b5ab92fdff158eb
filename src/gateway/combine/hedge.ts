import { ChatError } from '../../chat/error.ts'
import type { Attempts } from '../../flow/attempts.ts'
import { type AnyEvent, begin } from '../../flow/begin.ts'
import { branchReceipt, type Call } from '../../flow/call.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { defer } from '../../flow/defer.ts'
import { type Flow, failedFlow } from '../../flow/flow.ts'
import { within } from '../../flow/wait.ts'
import type { HedgeBudget } from './hedge-budget.ts'
import type { OpenTry } from './try-in-order.ts'

/** Opens an answer for a call with a receipt and attempts of its own. */
export type AskAgain<Event> = (call: Call) => Flow<Event>

/** What may be asked at the same time, and when. */
interface Hedge<Event> {
  readonly first: AskAgain<Event>
  readonly second: AskAgain<Event>
  /** Milliseconds for which the first answer may show nothing until the second is asked. */
  readonly delayMs: number
  readonly budget: HedgeBudget
}

/**
 * Lets the second be asked while the answer of the first shows nothing. The one that shows something first is read, and the
 * other is closed at once. Both may have to be paid.
 * @returns the tries in their order. The second one is not asked again if it was asked beside the first
 * @see docs/decisions/0072-hedging.md
 */
export function hedgedTries<Event extends AnyEvent>(
  { budget, ...hedge }: Hedge<Event>,
  call: Call,
): readonly [OpenTry<Event>, OpenTry<Event>] {
  budget.deposit()
  let isSecondAsked = false
  const second: AskAgain<Event> = (ownCall) => {
    isSecondAsked = true
    return hedge.second(ownCall)
  }
  return [
    () => defer(({ signal }) => race({ ...hedge, second, budget }, call, signal), call.signal),
    () => (isSecondAsked ? failedFlow(alreadyAsked()) : hedge.second(call)),
  ]
}

/** @throws what the first has thrown, if it was alone or both have failed */
async function race<Event extends AnyEvent>(
  { first, second, delayMs, budget }: Hedge<Event>,
  call: Call,
  signal: Cancel,
): Promise<Flow<Event>> {
  const opened: Flow<Event>[] = []
  const start = async (ask: AskAgain<Event>, own: Call): Promise<Begun<Event>> => {
    const flow = ask(own)
    opened.push(flow)
    const begun = await begin(flow)
    // an abort has closed it, and a closed flow ends like an answer without text
    signal.throwIfAborted()
    return { begun, opened: flow, attempts: own.attempts }
  }
  const release = signal.onAbort(() => closeOthers(opened))
  try {
    const leading = start(first, { ...call, attempts: call.attempts.branch() })
    const early = await within(leading, delayMs, signal)
    if (early) return early.begun
    if (!budget.take()) return (await leading).begun
    const { receipt } = call
    const { upstream, account } = receipt
    const branch = branchReceipt(receipt)
    receipt.isHedged = true
    const following = start(second, { ...call, attempts: call.attempts.branch(), receipt: branch })
    const winner = await firstOf(leading, following)
    closeOthers(opened, winner.opened)
    call.attempts.follow(winner.attempts)
    if (winner.opened === opened[0]) Object.assign(receipt, { upstream, account })
    else for (const [name, treatment] of branch.parameters) receipt.parameters.set(name, treatment)
    return winner.begun
  } finally {
    release()
  }
}

/** An answer that has shown something. */
interface Begun<Event> {
  readonly begun: Flow<Event>
  readonly opened: Flow<Event>
  readonly attempts: Attempts
}

/** @throws what the leading one has thrown, if both have failed */
async function firstOf<Event>(leading: Promise<Begun<Event>>, following: Promise<Begun<Event>>): Promise<Begun<Event>> {
  try {
    return await Promise.any([leading, following])
  } catch {
    return leading
  }
}

function alreadyAsked(): ChatError {
  return new ChatError('unavailable', { message: 'The upstream has been asked already.', code: 'no_account' })
}

function closeOthers<Event>(flows: readonly Flow<Event>[], kept?: Flow<Event>): void {
  for (const flow of flows) if (flow !== kept) flow.close()
}
