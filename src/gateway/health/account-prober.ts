import type { AccountState } from '../../accounts/account.ts'
import type { LiveAccount } from '../../accounts/live-account.ts'
import type { Pool } from '../../accounts/pool.ts'
import type { RestState } from '../../accounts/rest.ts'
import { asChatError, ChatError } from '../../chat/error.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import type { Timer } from '../../flow/timers.ts'
import type { Upstream } from '../../providers/provider.ts'
import { requestList } from './request-list.ts'

/** An account is tried so many milliseconds before its rest ends, and by chance up to as many earlier. */
const leadMs = 5_000

interface AccountProberOptions {
  readonly upstream: Upstream
  readonly pool: Pool
  readonly runtime: Runtime
}

interface RestingAccount {
  readonly account: LiveAccount
  readonly until: number
}

/**
 * Tries an account shortly before its rest ends, so that no client's request has to. A key that was refused is tried with
 * the list of models, and a session that could not be renewed is renewed. An account that has reached a limit is left
 * alone: the list would not show whether the limit is over.
 */
export class AccountProber {
  readonly #options: AccountProberOptions
  readonly #closing: CancelSource
  #timer: Timer | undefined
  #isTrying = false
  /** The end of the rest for which an account was tried. */
  readonly #tried = new WeakMap<LiveAccount, number>()

  constructor(options: AccountProberOptions) {
    this.#options = options
    this.#closing = new CancelSource(options.runtime)
    options.pool.onRest = () => this.#schedule()
  }

  close(): void {
    this.#timer?.stop()
    this.#closing.abort(new ChatError('cancelled', { message: 'The gateway stops.' }))
  }

  #schedule(): void {
    if (this.#isTrying || this.#closing.aborted) return
    this.#timer?.stop()
    this.#timer = undefined
    const next = this.#next()
    if (!next) return
    const { runtime } = this.#options
    const waitMs = next.until - runtime.now() - leadMs * (1 + runtime.random())
    this.#timer = runtime.timers.set(Math.max(0, waitMs), () => void this.#try(next), { isBackground: true })
  }

  async #try({ account, until }: RestingAccount): Promise<void> {
    const { upstream, pool } = this.#options
    this.#isTrying = true
    this.#tried.set(account, until)
    try {
      await requestList(upstream, account, this.#closing)
      pool.wake(account)
    } catch (thrown) {
      if (!this.#closing.aborted) pool.reportFailure(account, asChatError(thrown))
    } finally {
      this.#isTrying = false
      this.#schedule()
    }
  }

  /** The account whose rest ends first, of those that a cheap request can prove to work. */
  #next(): RestingAccount | undefined {
    const { upstream, pool } = this.#options
    const accounts = new Map(pool.accounts().map((account) => [account.label, account]))
    const states = pool.states()
    if (upstream.isWebProduct && states.some(({ state }) => hasAskedToStop(state))) return undefined
    return states
      .flatMap(({ label, state }): readonly RestingAccount[] => {
        const account = accounts.get(label)
        const isTriable = account && isProvable(state) && (upstream.listModels || account.renewal)
        return isTriable && this.#tried.get(account) !== state.until ? [{ account, until: state.until }] : []
      })
      .toSorted((a, b) => a.until - b.until)[0]
  }
}

function isProvable(state: AccountState): state is RestState {
  return state.kind === 'refused' || (state.kind === 'cooling' && state.why === 'upstream_renewal')
}

function hasAskedToStop(state: AccountState): boolean {
  return state.kind === 'banned' || ('until' in state && !isProvable(state))
}
