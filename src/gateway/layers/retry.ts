import { asChatError, ChatError } from '../../chat/error.ts'
import type { AnyEvent } from '../../flow/begin.ts'
import type { Call } from '../../flow/call.ts'
import type { Ask } from '../../flow/chat.ts'
import type { FlowOpening } from '../../flow/defer.ts'
import type { Flow } from '../../flow/flow.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { type FirstTry, tryFirst } from '../../flow/try-first.ts'
import { sleep } from '../../flow/wait.ts'
import type { WithTriedAccounts } from './account.ts'
import type { RetryBudget } from './retry-budget.ts'

/** Milliseconds of the longest wait for the same account. If the upstream asks for more, the call fails. */
const maxWaitMs = 2_000
const backoffMs = 200

/**
 * Tries again, with another account if possible, while the client has received nothing and the budget allows it. The
 * table of reasons decides which failures are retried.
 */
export function retry(
  budget: RetryBudget,
): <Request, Event extends AnyEvent, Needs>(
  next: Ask<Request, Event, Needs & WithTriedAccounts>,
) => Ask<Request, Event, Needs> {
  return (next) => (request, call) => {
    const own = { ...call, tried: new Set<unknown>() }
    return tryFirst(new RetriedCall(() => next(request, own), { call, budget }), call.signal)
  }
}

interface RetryOptions {
  readonly call: Call
  readonly budget: RetryBudget
}

/** The attempts of one call at one upstream. */
class RetriedCall<Event extends AnyEvent> implements FirstTry<Event> {
  readonly #ask: () => Flow<Event>
  readonly #call: Call
  readonly #budget: RetryBudget
  /** The call's attempts before the current one. */
  #spentBefore = 0

  constructor(ask: () => Flow<Event>, { call, budget }: RetryOptions) {
    this.#ask = ask
    this.#call = call
    this.#budget = budget
  }

  open(): Flow<Event> {
    this.#spentBefore = this.#call.attempts.spent
    // a call that has failed at another upstream is a retry too, and this upstream's budget pays for it
    if (this.#spentBefore === 0) this.#budget.deposit()
    else if (!this.#budget.withdraw()) throw budgetSpent()
    return this.#ask()
  }

  async recover(thrown: unknown, { begin, signal }: FlowOpening): Promise<Flow<Event>> {
    const { attempts } = this.#call
    let failure = thrown
    let last: ChatError | undefined
    for (let attempt = 1; ; attempt++) {
      const error = asChatError(failure)
      // no account could be asked, and another try would not change that. An earlier failure explains more
      if (attempts.spent === this.#spentBefore) throw error.code === 'no_account' && last ? last : error
      last = nameAccount(error, attempts.last.account)
      const waitMs = waitBefore(last, attempt, signal.runtime)
      if (waitMs === undefined || signal.aborted || !this.#takesAnother()) throw last
      await sleep(waitMs, signal)
      this.#spentBefore = attempts.spent
      try {
        return await begin(this.#ask())
      } catch (thrownAgain) {
        failure = thrownAgain
      }
    }
  }

  /** Beyond both budgets only a refusal is replaced that showed nothing but that its account cannot be used. */
  #takesAnother(): boolean {
    const { attempts, receipt } = this.#call
    if (attempts.left > 0 && this.#budget.withdraw()) return true
    if (!attempts.forgive()) return false
    receipt.attempts--
    return true
  }
}

const needsOperator = new Set(['refused', 'needs-login', 'banned'])

/** Adds the account and what to do, if only the operator can help. A label contains no secret. */
function nameAccount(error: ChatError, account: string | undefined): ChatError {
  if (account === undefined || !needsOperator.has(error.meaning.account)) return error
  const { reason, code, param, retryAfterMs, upstreamStatus, message } = error
  return new ChatError(reason, {
    message: `${message} The account is ${account}: \`tributary doctor\` shows what to do.`,
    code,
    cause: error,
    ...(param !== undefined && { param }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(upstreamStatus !== undefined && { upstreamStatus }),
  })
}

/**
 * Milliseconds until the next attempt; undefined for none. Another account is used at once. The same account is
 * used after the upstream's own wait and a random one.
 */
function waitBefore(error: ChatError, attempt: number, runtime: Runtime): number | undefined {
  const { retry: whom, account } = error.meaning
  if (whom !== 'any') return undefined
  if (account !== 'unchanged') return 0
  const hintMs = error.retryAfterMs ?? 0
  return hintMs > maxWaitMs || attempt > 1 ? undefined : hintMs + runtime.random() * backoffMs
}

function budgetSpent(): ChatError {
  return new ChatError('unavailable', {
    message: 'The upstream gets no more retries for now. Try again later.',
    code: 'retry_budget',
  })
}
