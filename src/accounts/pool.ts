import { asChatError, type ChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Account, AccountState, AccountStatus } from './account.ts'
import { noAccountError } from './no-account.ts'
import { type PooledAccount, statusOf } from './pooled-account.ts'
import { type LeaseOptions, ReadyAccounts } from './ready-accounts.ts'
import { restMs } from './rest.ts'
import { RestingAccounts } from './resting-accounts.ts'
import { type AccountsOptions, Session } from './session.ts'
import type { Source } from './source.ts'

export interface PoolOptions extends AccountsOptions {
  /** Of which upstream the accounts are. */
  readonly upstream: string
  /** Makes further accounts, where the upstream has them for the asking. */
  readonly source?: Source
}

/** The last moment that a date can be. */
const latestMs = 8.64e15

type RestState = Extract<AccountState, { readonly until: number }>

const ok: AccountState = { kind: 'ok' }

/**
 * Gives out the accounts of one upstream, the least recently used healthy one first. An account that failed rests. The
 * last one is used even while it rests, unless its upstream said for how long: a guess of ours would be an outage.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #log: Logger
  readonly #runtime: Runtime
  readonly #source: Source | undefined
  readonly #ready = new ReadyAccounts()
  readonly #resting: RestingAccounts
  /** Of no more use, by the service's own proof. */
  readonly #dead = new Map<string, PooledAccount>()
  /** Calls that wait for an account, in the order in which they came. */
  readonly #waiting = new Set<(added: undefined) => void>()

  constructor(options: PoolOptions) {
    const { log, runtime, source } = options
    this.#options = options
    this.#log = log
    this.#runtime = runtime
    this.#source = source
    this.#resting = new RestingAccounts(() => runtime.now())
  }

  get size(): number {
    return this.#ready.size + this.#resting.size + this.#dead.size
  }

  /** Every account there is, be it of use or not. */
  sessions(): readonly Session[] {
    return this.#all().map(({ session }) => session)
  }

  /** Every account with its state, for showing. */
  states(): readonly AccountStatus[] {
    return this.#all().map(statusOf)
  }

  /**
   * Takes in an account, at any time. One of the same label is replaced, with its state: it has another credential.
   * Calls that wait for an account get it in the order in which they came.
   */
  add(account: Account): Session {
    const session = new Session(account, this.#options)
    this.#drop(account.label)
    this.#admit(session)
    for (const wake of this.#waiting) wake(undefined)
    void this.#putAsideIfDead(session)
    return session
  }

  /**
   * Takes an account out, at any time. Calls that run with it end as they would have, and so does its renewal, which
   * keeps what it gets and gives back its lease: the same account can be added again later.
   * @returns whether there was one of this label
   */
  remove(label: string): boolean {
    const account = this.#drop(label)
    if (account) this.#source?.discard(account.session)
    return account !== undefined
  }

  /**
   * The account to ask next, or a promise of it where one has to be made first.
   * @throws ChatError `rate-limited` when every account rests at its upstream's word, `unavailable` when none is left to try
   */
  lease(options: LeaseOptions, signal: Cancel): Session | Promise<Session> {
    for (const account of this.#resting.takeRested()) this.#settle(account)
    const isShort = this.#source?.wants(this.#living) ?? false
    const ready = this.#ready.next(options)
    if (!this.#source) return ready ?? this.#leaseResting(options)
    if (isShort) this.#source.fill((session) => this.#admit(session))
    return ready ?? this.#awaitAccount(this.#source, options, signal)
  }

  /** Tells that the account has answered. */
  succeeded(session: Session): void {
    const account = this.#find(session)
    if (!account || (account.state === ok && account.failures === 0)) return
    if (account.failures > 0) this.#log.info({ account: session.label }, 'an account answers again')
    this.#settle(account)
    account.failures = 0
  }

  /** Tells how the account failed: the table of reasons says what becomes of it. */
  failed(session: Session, error: ChatError): void {
    const { label } = session
    const account = this.#find(session)
    const kind = error.meaning.account
    if (!account || kind === 'unchanged') return
    account.failures++
    this.#ready.delete(label)
    this.#resting.delete(label)
    if (kind === 'needs-login' || kind === 'banned') {
      this.#putAside(account, kind, error)
      return
    }
    account.isRestStated = error.retryAfterMs !== undefined
    const until = this.#runtime.now() + (error.retryAfterMs ?? restMs(kind, account.failures, this.#runtime.now()))
    this.#rest(account, { kind, until, why: error.code }, error)
  }

  /** Stops what goes on in the background. */
  close(): void {
    this.#source?.close()
  }

  #all(): readonly PooledAccount[] {
    return [...this.#ready.values(), ...this.#resting.values(), ...this.#dead.values()]
  }

  get #living(): number {
    return this.#ready.size + this.#resting.size
  }

  /** Undefined for one that is dead or was removed: another may have its label by now. */
  #find(session: Session): PooledAccount | undefined {
    const account = this.#ready.get(session.label) ?? this.#resting.get(session.label)
    return account?.session === session ? account : undefined
  }

  #admit(session: Session): void {
    this.#ready.add({ session, state: ok, isUsed: false, isRestStated: false, failures: 0 })
  }

  #drop(label: string): PooledAccount | undefined {
    const account = this.#ready.get(label) ?? this.#resting.get(label) ?? this.#dead.get(label)
    this.#ready.delete(label)
    this.#resting.delete(label)
    this.#dead.delete(label)
    return account
  }

  /** What the service has proven in a former life of the program holds in this one. */
  async #putAsideIfDead(session: Session): Promise<void> {
    try {
      const proof = await session.proof()
      if (proof) this.failed(session, proof)
    } catch (thrown) {
      this.#log.warn({ account: session.label, err: asChatError(thrown) }, 'what is kept of an account cannot be read')
    }
  }

  /** An account that was made makes room for another; one that was configured stays to be seen. */
  #putAside(account: PooledAccount, kind: 'needs-login' | 'banned', err: ChatError): void {
    const { label } = account.session
    this.#log.warn({ account: label, state: kind, err }, 'an account is put aside until it has another credential')
    account.state = { kind, why: err.message }
    if (!this.#source?.discard(account.session)) this.#dead.set(label, account)
  }

  /** The last account is asked while it rests, so it may fail again in the same way: that is no change. */
  #rest(account: PooledAccount, state: RestState, err: ChatError): void {
    const { session, state: before } = account
    account.state = state
    this.#resting.add(account)
    const isKnown = before.kind === state.kind && before.why === state.why && before.until > this.#runtime.now()
    if (isKnown) return
    const until = new Date(Math.min(state.until, latestMs)).toISOString()
    this.#log.warn({ account: session.label, state: state.kind, until, err }, 'an account rests')
  }

  #settle(account: PooledAccount): void {
    const { label } = account.session
    account.state = ok
    account.isRestStated = false
    this.#resting.delete(label)
    this.#ready.add(account)
  }

  #leaseResting({ tried }: LeaseOptions): Session {
    const account = this.#resting.soonest(({ isRestStated, session }) => !isRestStated && !tried.has(session))
    if (account) return account.session
    throw noAccountError({ ready: this.#ready.size, resting: this.#resting, dead: this.#dead.size })
  }

  /**
   * Waits for an account that is being made or added; where none can be made, for what a pool without a source would
   * give. As long as more are to come each is for one of the calls that wait: otherwise the first would serve them all.
   */
  async #awaitAccount(source: Source, options: LeaseOptions, signal: Cancel): Promise<Session> {
    let why: ChatError | undefined
    do {
      why = await this.#nextAccount(source, signal)
      const unused = this.#ready.nextUnused(options)
      if (unused) return unused
    } while (!why && source.wants(this.#living))
    const ready = this.#ready.next(options)
    if (ready) return ready
    if (why && this.#resting.size === 0) throw why
    return this.#leaseResting(options)
  }

  /** @returns why none is to come; undefined once one was made or added */
  #nextAccount(source: Source, signal: Cancel): Promise<ChatError | undefined> {
    const { promise: added, resolve } = Promise.withResolvers<undefined>()
    this.#waiting.add(resolve)
    const made = source.more((session) => this.#admit(session), this.#resting.size, signal)
    return Promise.race([made, added]).finally(() => this.#waiting.delete(resolve))
  }
}
