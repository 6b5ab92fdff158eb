import { ChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { AccountState } from './account.ts'
import { restMs } from './rest.ts'
import type { Session } from './session.ts'
import type { Source } from './source.ts'

interface Member {
  readonly session: Session
  state: AccountState
  /** Whether anybody has asked with it yet. */
  isUsed: boolean
  /** Whether the upstream itself said until when it does not want to be asked. */
  isTold: boolean
  /** Failures since the last success. */
  failures: number
}

export interface PoolOptions {
  /** Told of each change of an account's state. */
  readonly log: Logger
  readonly now?: () => number
  /** Makes further accounts, where the upstream has them for the asking. */
  readonly source?: Source
}

export interface LeaseOptions {
  /** Accounts that have already failed this call. */
  readonly tried: ReadonlySet<unknown>
  /** The label of the account that is wanted, if it may be asked. */
  readonly preferred?: string | undefined
}

/** The last moment that a date can be. */
const latestMs = 8.64e15

type Resting = Extract<AccountState, { readonly until: number }>

const ok: AccountState = { kind: 'ok' }

/**
 * Gives out the accounts of one upstream, the least recently used healthy one first. An account that failed rests;
 * the last one is never kept back for a failing nobody has put a time to, since a wrong guess would be an outage.
 */
export class Pool {
  /** In the order of their last use. */
  readonly #ready = new Map<string, Member>()
  readonly #resting = new Map<string, Member>()
  /** Of no more use, by proof. */
  readonly #dead = new Map<string, Member>()
  readonly #source: Source | undefined
  readonly #log: Logger
  readonly #now: () => number
  #nextWake = Number.POSITIVE_INFINITY
  /** The clock, when it was looked at last. */
  #seenAt = Number.NEGATIVE_INFINITY

  constructor(sessions: readonly Session[], { log, now = Date.now, source }: PoolOptions) {
    this.#log = log
    this.#now = now
    this.#source = source
    for (const session of sessions) this.#add(session)
  }

  get size(): number {
    return this.#ready.size + this.#resting.size + this.#dead.size
  }

  /** Every account there is, be it of use or not. */
  sessions(): readonly Session[] {
    return [...this.#ready.values(), ...this.#resting.values(), ...this.#dead.values()].map(({ session }) => session)
  }

  /** Every account with its state, for showing. */
  states(): { readonly label: string; readonly state: AccountState }[] {
    return [...this.#ready.values(), ...this.#resting.values(), ...this.#dead.values()].map(({ session, state }) => ({
      label: session.label,
      state: session.isRenewing && state.kind === 'ok' ? { kind: 'refreshing' } : state,
    }))
  }

  /**
   * The account to ask next, or a promise of it where one has to be made first.
   * @throws ChatError `rate-limited` when every account rests at its upstream's word, `unavailable` when none is left to try
   */
  lease(options: LeaseOptions, signal: AbortSignal): Session | Promise<Session> {
    this.#wake()
    const isShort = this.#source?.wants(this.#ready.size + this.#resting.size) ?? false
    const ready = this.#nextReady(options)
    if (!this.#source) return ready ?? this.#rest(options)
    if (isShort) this.#source.fill((session) => this.#add(session))
    if (ready) return ready
    return this.#made(this.#source, options, signal)
  }

  /** Tells that the account has answered. */
  succeeded(session: Session): void {
    const member = this.#memberOf(session)
    if (!member || (member.state === ok && member.failures === 0)) return
    if (member.failures > 0) this.#log.info({ account: session.label }, 'an account answers again')
    this.#settle(member)
    member.failures = 0
  }

  /** Tells how the account failed: the table of reasons says what becomes of it. */
  failed(session: Session, error: ChatError): void {
    const { label } = session
    const member = this.#memberOf(session)
    const kind = error.meaning.account
    if (!member || kind === 'unchanged') return
    member.failures++
    this.#ready.delete(label)
    this.#resting.delete(label)
    if (kind === 'needs-login' || kind === 'banned') {
      this.#log.warn(
        { account: label, state: kind, err: error },
        'an account is put aside until it has another credential',
      )
      this.#bury(member, { kind, why: error.message })
      return
    }
    member.isTold = error.retryAfterMs !== undefined
    const until = this.#now() + (error.retryAfterMs ?? restMs(kind, member.failures, this.#now()))
    this.#rests(member, { kind, until, why: error.code }, error)
    this.#resting.set(label, member)
    this.#nextWake = Math.min(this.#nextWake, until)
  }

  /** The last account is asked while it rests, so it may fail again in the same way: that is no change. */
  #rests(member: Member, state: Resting, error: ChatError): void {
    const { session, state: before } = member
    member.state = state
    if (before.kind === state.kind && before.why === state.why && before.until > this.#now()) return
    const until = new Date(Math.min(state.until, latestMs)).toISOString()
    this.#log.warn({ account: session.label, state: state.kind, until, err: error }, 'an account rests')
  }

  /** Stops what goes on in the background. */
  close(): void {
    this.#source?.close()
  }

  /** Undefined for one that is dead: another may have its label by now. */
  #memberOf(session: Session): Member | undefined {
    const member = this.#ready.get(session.label) ?? this.#resting.get(session.label)
    return member?.session === session ? member : undefined
  }

  #add(session: Session): void {
    this.#ready.set(session.label, { session, state: ok, isUsed: false, isTold: false, failures: 0 })
  }

  /** An account that was made makes room for another; one that was configured stays to be seen. */
  #bury(member: Member, state: AccountState): void {
    member.state = state
    if (!this.#source?.discard(member.session)) this.#dead.set(member.session.label, member)
  }

  #nextReady({ tried, preferred }: LeaseOptions): Session | undefined {
    const wanted = preferred === undefined ? undefined : this.#ready.get(preferred)
    if (wanted && !tried.has(wanted.session)) return this.#use(wanted)
    for (const member of this.#ready.values()) if (!tried.has(member.session)) return this.#use(member)
    return undefined
  }

  #unused({ tried }: LeaseOptions): Member | undefined {
    return this.#ready.values().find(({ session, isUsed }) => !isUsed && !tried.has(session))
  }

  #use(member: Member): Session {
    member.isUsed = true
    this.#ready.delete(member.session.label)
    this.#ready.set(member.session.label, member)
    return member.session
  }

  #rest({ tried }: LeaseOptions): Session {
    const untold = this.#soonest((member) => !member.isTold && !tried.has(member.session))
    if (untold) return untold.session
    throw this.#nobody()
  }

  /**
   * Waits for an account that is being made; where none can be, for what a pool without a source would give. As long as
   * more are to come each is for one of those that wait: or the first would have them all, however many there are in the end.
   */
  async #made(source: Source, options: LeaseOptions, signal: AbortSignal): Promise<Session> {
    let why: ChatError | undefined
    do {
      why = await source.more((session) => this.#add(session), this.#resting.size, signal)
      const unused = this.#unused(options)
      if (unused) return this.#use(unused)
    } while (!why && source.wants(this.#ready.size + this.#resting.size))
    const ready = this.#nextReady(options)
    if (ready) return ready
    if (why && this.#resting.size === 0) throw why
    return this.#rest(options)
  }

  /** Milliseconds until the next resting account may be asked again; undefined where none rests. */
  #wakesInMs(): number | undefined {
    const next = this.#soonest(() => true)
    return next && Math.max(0, untilOf(next) - this.#now())
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
    const isDead = this.#dead.size > 0 && this.#dead.size === this.size
    const message = isDead
      ? 'Every account of the upstream needs a new login: `tributary doctor` says which and why.'
      : 'No account of the upstream is left to try: `tributary doctor` says which and why.'
    return new ChatError('unavailable', { message, code: 'no_account' })
  }

  #soonest(isMeant: (member: Member) => boolean): Member | undefined {
    let soonest: Member | undefined
    for (const member of this.#resting.values())
      if (isMeant(member) && (!soonest || untilOf(member) < untilOf(soonest))) soonest = member
    return soonest
  }

  #wake(): void {
    const now = this.#now()
    this.#setBack(this.#seenAt - now)
    this.#seenAt = now
    if (now < this.#nextWake) return
    for (const member of this.#resting.values()) if (untilOf(member) <= now) this.#settle(member)
    this.#nextWake = Math.min(...[...this.#resting.values()].map(untilOf))
  }

  /** By a clock that was ahead for a while, accounts would rest for as long as it had been. */
  #setBack(byMs: number): void {
    if (byMs <= 0) return
    for (const member of this.#resting.values())
      if ('until' in member.state) member.state = { ...member.state, until: member.state.until - byMs }
    this.#nextWake -= byMs
  }

  #settle(member: Member): void {
    const { label } = member.session
    member.state = ok
    member.isTold = false
    this.#resting.delete(label)
    if (!this.#ready.has(label)) this.#ready.set(label, member)
  }
}

function untilOf({ state }: Member): number {
  return 'until' in state ? state.until : 0
}
