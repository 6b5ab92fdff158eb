import { asChatError, ChatError } from '../../chat/error.ts'
import type { Chat } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { sleep } from '../../flow/wait.ts'
import type { WithTriedAccounts } from './account.ts'
import type { RetryBudget } from './retry-budget.ts'

/** Longer than this, the same account is not waited for: the client is told instead. */
const maxWaitMs = 2_000
const backoffMs = 200

/**
 * Tries again, on another account where there is one, as long as nothing has reached the client and the budget allows.
 * What is worth another try is said in the table of reasons.
 */
export function retry(budget: RetryBudget): <Needs>(next: Chat<Needs & WithTriedAccounts>) => Chat<Needs> {
  return (next) => (request, call) =>
    defer(async ({ begin, signal }) => {
      const tried = new Set<unknown>()
      let last: ChatError | undefined
      // to be asked after another upstream failed is a retry as well, for which this one's budget pays
      if (call.attempts.spent === 0) budget.deposit()
      else if (!budget.withdraw()) throw spent()
      for (let attempt = 1; ; attempt++) {
        const { spent: spentBefore } = call.attempts
        try {
          return await begin(next(request, { ...call, tried }))
        } catch (thrown) {
          const error = asChatError(thrown)
          // no account could be asked, and none could be if it were tried again; why the one before failed explains
          // more
          if (call.attempts.spent === spentBefore) throw error.code === 'no_account' && last ? last : error
          last = named(error, call.attempts.lastAccount)
        }
        const waitMs = waitBefore(last, attempt, signal.runtime)
        if (call.attempts.left === 0 || waitMs === undefined || signal.aborted || !budget.withdraw()) throw last
        await sleep(waitMs, signal)
      }
    }, call.signal)
}

const wantsOperator = new Set(['refused', 'needs-login', 'banned'])

/** Of an account that only its operator can mend, which one it is and what to do. A label holds nothing secret. */
function named(error: ChatError, account: string | undefined): ChatError {
  if (account === undefined || !wantsOperator.has(error.meaning.account)) return error
  const { reason, code, param, retryAfterMs, upstreamStatus, message } = error
  return new ChatError(reason, {
    message: `${message} The account is ${account}: \`tributary doctor\` says what to do.`,
    code,
    cause: error,
    ...(param !== undefined && { param }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(upstreamStatus !== undefined && { upstreamStatus }),
  })
}

/**
 * Milliseconds until the next attempt; undefined for none. Another account is asked at once, the same one after full
 * jitter.
 */
function waitBefore(error: ChatError, attempt: number, runtime: Runtime): number | undefined {
  const { retry: whom, account } = error.meaning
  if (whom !== 'any') return undefined
  if (account !== 'unchanged') return 0
  const hintMs = error.retryAfterMs ?? 0
  return hintMs > maxWaitMs || attempt > 1 ? undefined : hintMs + runtime.random() * backoffMs
}

function spent(): ChatError {
  return new ChatError('unavailable', { message: 'The upstream takes no more retries for now.', code: 'retry_budget' })
}
