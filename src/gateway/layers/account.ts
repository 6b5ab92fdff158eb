import type { Account } from '../../accounts/account.ts'
import type { LiveAccount } from '../../accounts/live-account.ts'
import type { Pool } from '../../accounts/pool.ts'
import { withAccount } from '../../accounts/with-account.ts'
import type { ChatError } from '../../chat/error.ts'
import type { QuotaReport } from '../../chat/quota.ts'
import { noThread, type Thread } from '../../chat/thread.ts'
import type { RunningAttempt } from '../../flow/attempt-note.ts'
import type { AnyEvent } from '../../flow/begin.ts'
import { beginAttempt, type Call } from '../../flow/call.ts'
import type { Cancel, CancelSource } from '../../flow/cancel.ts'
import type { Ask } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import type { Batch, Flow } from '../../flow/flow.ts'
import type { AttemptedRequest } from '../../flow/span.ts'
import { orAbort } from '../../flow/wait.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { AttemptListener } from '../call-record.ts'
import type { DriftLog } from '../drift-log.ts'

/** Added to a call by the retry layer: the accounts that have already failed it. */
export interface WithTriedAccounts {
  readonly tried: Set<unknown>
}

/** Added to a call by the thread layer, for an upstream that keeps conversations. */
export interface WithThreadState {
  readonly threadState?: ThreadState
}

interface ThreadState {
  /** The account that has the conversation. */
  readonly label: string | undefined
  threadOn(label: string): Thread
}

/** Added to a call by this layer: the account to use, and the thread to continue. */
export interface WithAccount {
  readonly account: Account
  readonly thread: Thread
  /** Spends and notes another attempt with the same account. Call it before the upstream is asked again. */
  readonly attemptAgain: AttemptAgain
}

/** @param outcome of the attempt before: `ok`, or why it is of no use */
export type AttemptAgain = (outcome: string) => void

/** What the layer tells beside the pool. */
export interface AccountListeners {
  /** Gets what is known of each attempt. */
  readonly onAttempt?: AttemptListener | undefined
  /** Gets what the upstream sends otherwise than its adapter knows it. */
  readonly drifts?: Pick<DriftLog, 'noterFor'> | undefined
}

/** Asks with an account of the pool, renews its credential if necessary, and reports the outcome to the pool. */
export function account(
  pool: Pool,
  upstream: string,
  { onAttempt, drifts }: AccountListeners = {},
): <Request extends AttemptedRequest, Event extends AnyEvent, Needs>(
  next: Ask<Request, Event, Needs & WithAccount>,
) => Ask<Request, Event, Needs & WithTriedAccounts & WithThreadState> {
  const noteDriftOf = drifts ? (id: string) => drifts.noterFor(upstream, id) : () => undefined
  return (next) => (request, call) => {
    const { model } = request
    const cachedBy = pool.size > 1 ? call.cacheHome?.accountAt(upstream, model) : undefined
    const preferred = call.threadState?.label ?? cachedBy
    const leased = pool.pick({ tried: call.tried, preferred, model }, call.signal)
    const attempt = (live: LiveAccount) => {
      const report = new AccountReport(pool, { live, call, request, upstream, onAttempt })
      const noteQuota = (quota: QuotaReport) => pool.noteQuota(live, quota, model)
      const ask = (used: Account) =>
        next(request, {
          ...call,
          signal: report.signal,
          account: used,
          thread: call.threadState?.threadOn(used.label) ?? noThread,
          noteQuota,
          noteDrift: noteDriftOf(call.id),
          attemptAgain: report.attemptAgain,
        })
      return askAndReport(report, ask)
    }
    if (!(leased instanceof Promise)) return attempt(leased)
    return defer(async ({ signal }) => attempt(await orAbort(leased, signal)), call.signal)
  }
}

type AskWith<Event> = (account: Account) => Flow<Event>

function askAndReport<Event extends AnyEvent>(report: AccountReport, ask: AskWith<Event>): Flow<Event> {
  const { live, call } = report
  return watch<Event>(live.renewal ? askRenewable(live, { signal: call.signal, ask, report }) : ask(live), report)
}

interface AccountAttempt {
  readonly live: LiveAccount
  readonly call: Call & WithTriedAccounts
  readonly request: AttemptedRequest
  readonly upstream: string
  readonly onAttempt: AttemptListener | undefined
}

/** Notes one attempt, and reports its outcome to the pool. It is made when the attempt begins. */
class AccountReport implements Watcher<AnyEvent> {
  readonly #pool: Pool
  readonly live: LiveAccount
  readonly call: Call & WithTriedAccounts
  readonly #asked: AccountAttempt
  readonly #model: string
  #attempt: RunningAttempt
  readonly #ownSignal: CancelSource | undefined
  /** The account with the credential that began the answer, if it can be renewed. */
  #begun: Account | undefined

  constructor(pool: Pool, asked: AccountAttempt) {
    this.#pool = pool
    this.live = asked.live
    this.call = asked.call
    this.#model = asked.request.model
    this.#asked = asked
    this.#attempt = this.#beginAttempt()
    this.#ownSignal = this.#attempt.ownSignal()
  }

  readonly attemptAgain: AttemptAgain = (outcome) => {
    this.#attempt.end(outcome)
    this.#asked.onAttempt?.(this.#attempt, undefined, this.call)
    this.#attempt = this.#beginAttempt()
    this.#attempt.takeOver(this.#ownSignal)
  }

  /** The call's signal, or the attempt's own. */
  get signal(): Cancel {
    return this.#ownSignal ?? this.call.signal
  }

  #beginAttempt(): RunningAttempt {
    const { upstream, live, request } = this.#asked
    return beginAttempt(this.call, { upstream, account: live.label, request })
  }

  onBatch(batch: Batch<AnyEvent>): void {
    this.#attempt.onBatch(batch)
  }

  noteBegun(account: Account): void {
    this.#begun = account
  }

  onEnd(ending: Ending): void {
    const failure = this.#attempt.onEnd(ending)
    this.#ownSignal?.release()
    this.#asked.onAttempt?.(this.#attempt, failure, this.call)
    if (ending.kind === 'done') this.#pool.reportSuccess(this.live, this.#model)
    const error = ending.kind === 'failed' ? ending.error : undefined
    if (this.#begun && error?.reason !== 'account-refused') this.live.markServed(this.#begun.credential)
    if (error) this.#noteFailure(error)
  }

  #noteFailure(error: ChatError): void {
    const [live, begun] = [this.live, this.#begun]
    logFailure(this.call, live, error)
    if (error.meaning.account === 'unchanged') return
    // a refusal in the middle of an answer means that the credential has expired, and it can be renewed
    if (begun && error.reason === 'account-refused' && !live.isJustReplaced(begun.credential)) {
      live.markExpired(begun.credential)
      return
    }
    this.#pool.reportFailure(live, error, this.#model)
    this.call.tried.add(live)
    if (this.#pool.hasOther({ tried: this.call.tried, model: this.#model })) this.call.attempts.noteUnusableAccount()
  }
}

interface RenewalOptions<Event> {
  readonly signal: Cancel
  readonly ask: AskWith<Event>
  readonly report: AccountReport
}

/**
 * Asks with a credential that can expire. If it is refused before the first event, it is renewed and used once more.
 */
function askRenewable<Event extends AnyEvent>(
  live: LiveAccount,
  { signal, ask, report }: RenewalOptions<Event>,
): Flow<Event> {
  return defer(
    (opening) =>
      withAccount(live, opening.signal, async (account) => {
        const begun = await opening.begin(ask(account))
        report.noteBegun(account)
        return begun
      }),
    signal,
  )
}

function logFailure(call: Call, { label }: Account, error: ChatError): void {
  if (error.reason === 'cancelled') return
  call.log.debug({ account: label, err: error }, 'attempt failed')
}
