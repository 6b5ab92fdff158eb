import { asChatError, ChatError } from '../../chat/error.ts'
import type { Chat } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import type { Runtime } from '../../flow/runtime.ts'
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
export function retry(budget: RetryBudget): <Needs>(next: Chat<Needs & WithTriedAccounts>) => Chat<Needs> {
  return (next) => (request, call) =>
    defer(async ({ begin, signal }) => {
      const tried = new Set<unknown>()
      let last: ChatError | undefined
      // a call that has failed at another upstream is a retry too, and this upstream's budget pays for it
      if (call.attempts.spent === 0) budget.deposit()
      else if (!budget.withdraw()) throw budgetSpent()
      for (let attempt = 1; ; attempt++) {
        const { spent: spentBefore } = call.attempts
        try {
          return await begin(next(request, { ...call, tried }))
        } catch (thrown) {
          const error = asChatError(thrown)
          // no account could be asked, and another try would not change that. An earlier failure explains more
          if (call.attempts.spent === spentBefore) throw error.code === 'no_account' && last ? last : error
          last = nameAccount(error, call.attempts.lastAccount)
        }
        const waitMs = waitBefore(last, attempt, signal.runtime)
        if (call.attempts.left === 0 || waitMs === undefined || signal.aborted || !budget.withdraw()) throw last
        await sleep(waitMs, signal)
      }
    }, call.signal)
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
