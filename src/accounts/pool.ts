import { ChatError } from '../chat/error.ts'
import type { Account, AccountState } from './account.ts'

interface Member<A> {
  readonly account: A
  state: AccountState
  /** Whether the upstream itself said until when it does not want to be asked. */
  isTold: boolean
  /** Failures since the last success. */
  failures: number
}

const ok: AccountState = { kind: 'ok' }
const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/**
 * Gives out the accounts of one upstream, the least recently used healthy one first. An account that failed rests;
 * the last one is never kept back for a failing nobody has put a time to, since a wrong guess would be an outage.
 */
export class Pool<A extends Account = Account> {
  /** In the order of their last use. */
  readonly #ready = new Map<A, Member<A>>()
  readonly #resting = new Map<A, Member<A>>()
  readonly #now: () => number
  #nextWake = Number.POSITIVE_INFINITY

  constructor(accounts: readonly A[], now: () => number = Date.now) {
    this.#now = now
    for (const account of accounts) this.#ready.set(account, { account, state: ok, isTold: false, failures: 0 })
  }

  get size(): number {
    return this.#ready.size + this.#resting.size
  }

  /** Every account with its state, for showing. */
  states(): { readonly label: string; readonly state: AccountState }[] {
    return [...this.#ready.values(), ...this.#resting.values()].map(({ account, state }) => ({
      label: account.label,
      state,
    }))
  }

  /**
   * The account to ask next.
   * @param tried accounts that have already failed this call
   * @throws ChatError `rate-limited` when every account rests at its upstream's word, `unavailable` when all were tried
   */
  lease(tried: ReadonlySet<unknown>): A {
    this.#wake()
    for (const [account, member] of this.#ready) {
      if (tried.has(account)) continue
      this.#ready.delete(account)
      this.#ready.set(account, member)
      return account
    }
    const untold = this.#soonest((member) => !member.isTold && !tried.has(member.account))
    if (untold) return untold.account
    throw this.#nobody()
  }

  /** Tells that the account has answered. */
  succeeded(account: A): void {
    const member = this.#resting.get(account) ?? this.#ready.get(account)
    if (!member || (member.state === ok && member.failures === 0)) return
    this.#settle(member)
    member.failures = 0
  }

  /** Tells how the account failed: the table of reasons says what becomes of it. */
  failed(account: A, error: ChatError): void {
    const member = this.#ready.get(account) ?? this.#resting.get(account)
    const kind = error.meaning.account
    if (!member || kind === 'unchanged') return
    member.failures++
    member.isTold = error.retryAfterMs !== undefined
    const until = this.#now() + (error.retryAfterMs ?? restMs(kind, member.failures, this.#now()))
    member.state = { kind, until, why: error.code }
    this.#ready.delete(account)
    this.#resting.set(account, member)
    this.#nextWake = Math.min(this.#nextWake, until)
  }

  /** Milliseconds until the next resting account may be asked again; undefined where none rests. */
  #wakesInMs(): number | undefined {
    const next = this.#soonest(() => true)
    return next && next.state.kind !== 'ok' ? Math.max(0, next.state.until - this.#now()) : undefined
  }

  #nobody(): ChatError {
    const retryAfterMs = this.#wakesInMs()
    const members = [...this.#resting.values()]
    if (this.#ready.size === 0 && members.length > 0 && members.every((member) => member.isTold)) {
      return new ChatError('rate-limited', {
        message: 'The upstream limits how often it may be asked.',
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      })
    }
    return new ChatError('unavailable', { message: 'No account of the upstream is left to try.', code: 'no_account' })
  }

  #soonest(isMeant: (member: Member<A>) => boolean): Member<A> | undefined {
    let soonest: Member<A> | undefined
    for (const member of this.#resting.values())
      if (isMeant(member) && (!soonest || untilOf(member) < untilOf(soonest))) soonest = member
    return soonest
  }

  #wake(): void {
    const now = this.#now()
    if (now < this.#nextWake) return
    for (const member of this.#resting.values()) if (untilOf(member) <= now) this.#settle(member)
    this.#nextWake = Math.min(...[...this.#resting.values()].map(untilOf))
  }

  #settle(member: Member<A>): void {
    member.state = ok
    member.isTold = false
    this.#resting.delete(member.account)
    if (!this.#ready.has(member.account)) this.#ready.set(member.account, member)
  }
}

function untilOf(member: Member<unknown>): number {
  return member.state.kind === 'ok' ? 0 : member.state.until
}

/** How long an account rests that nobody put a time to (reliability, section 3). */
function restMs(kind: Exclude<AccountState['kind'], 'ok'>, failures: number, now: number): number {
  switch (kind) {
    case 'cooling':
      return Math.min(30_000 * 2 ** (failures - 1), 5 * minuteMs)
    case 'exhausted':
      return dayMs - (now % dayMs)
    case 'challenged':
      return Math.min(15 * minuteMs * 2 ** (failures - 1), dayMs)
    case 'needs-login':
      return 10 * minuteMs
  }
}
