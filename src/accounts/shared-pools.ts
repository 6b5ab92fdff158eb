import type { AccountsOptions } from './live-account.ts'
import { type DeclaredAccounts, openPool } from './open-pool.ts'
import type { Pool } from './pool.ts'

/** The accounts of an upstream, and whether they are those of another configuration. */
export interface DeclaredUpstream extends DeclaredAccounts {
  /** Differs if its accounts do. Without it, they never stay. */
  readonly fingerprint?: string
}

/** A pool that several gateways may use. */
export interface SharedPool {
  readonly pool: Pool
  /** The last one that leaves it closes it. */
  leave(): void
}

interface UsedPool {
  readonly pool: Pool
  readonly fingerprint: string | undefined
  users: number
}

/**
 * The pools of all upstreams. An upstream whose accounts have not changed keeps its pool when the configuration is read again, with all
 * that is known of its accounts: a used-up account is not tried again, and no anonymous account is made anew.
 */
export class SharedPools {
  readonly #options: AccountsOptions
  readonly #used = new Map<string, UsedPool>()

  constructor(options: AccountsOptions) {
    this.#options = options
  }

  enter(upstream: DeclaredUpstream): SharedPool {
    const { name, fingerprint } = upstream
    const known = this.#used.get(name)
    const isSame = known !== undefined && fingerprint !== undefined && known.fingerprint === fingerprint
    const used = isSame ? known : { pool: openPool(upstream, this.#options), fingerprint, users: 0 }
    this.#used.set(name, used)
    used.users++
    return { pool: used.pool, leave: () => this.#leave(name, used) }
  }

  #leave(name: string, used: UsedPool): void {
    used.users--
    if (used.users > 0) return
    used.pool.close()
    if (this.#used.get(name) === used) this.#used.delete(name)
  }
}
