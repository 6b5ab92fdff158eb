import type { Account } from './account.ts'
import type { AccountsOptions } from './live-account.ts'
import { type DeclaredAccounts, openPool } from './open-pool.ts'
import type { Pool } from './pool.ts'
import { SharedRests } from './shared-rests.ts'

/** The accounts of an upstream, and whether they may join those of another configuration. */
export interface DeclaredUpstream extends DeclaredAccounts {
  /** Differs if its accounts are renewed, made, limited or asked in another way. Without it, they never stay. */
  readonly fingerprint?: string
}

/** A pool that several gateways may use. */
export interface SharedPool {
  readonly pool: Pool
  /** The last one that leaves it closes it. */
  leave(): void
}

interface SharedPoolsOptions extends AccountsOptions {
  /** Whether other processes use the store too. Then they share what they learn about accounts. */
  readonly isShared?: boolean
}

interface UsedPool {
  readonly pool: Pool
  readonly rests: SharedRests | undefined
  readonly fingerprint: string | undefined
  users: number
}

/**
 * The pools of all upstreams. An upstream keeps its pool when the configuration is read again, with all that is known of the accounts
 * that have not changed: a used-up account is not tried again, and no anonymous account is made anew. Only the accounts that differ
 * are added and removed (docs/decisions/0092-accounts-join-a-pool.md).
 */
export class SharedPools {
  readonly #options: SharedPoolsOptions
  readonly #used = new Map<string, UsedPool>()

  constructor(options: SharedPoolsOptions) {
    this.#options = options
  }

  enter(upstream: DeclaredUpstream): SharedPool {
    const { name, fingerprint } = upstream
    const known = this.#used.get(name)
    const isSame = known !== undefined && fingerprint !== undefined && known.fingerprint === fingerprint
    const used = isSame ? known : this.#open(upstream)
    if (isSame && exchangeAccounts(used.pool, upstream.accounts)) void used.rests?.readAgain()
    this.#used.set(name, used)
    used.users++
    return { pool: used.pool, leave: () => this.#leave(name, used) }
  }

  #leave(name: string, used: UsedPool): void {
    used.users--
    if (used.users > 0) return
    used.rests?.close()
    used.pool.close()
    if (this.#used.get(name) === used) this.#used.delete(name)
  }

  #open(upstream: DeclaredUpstream): UsedPool {
    const { name, fingerprint } = upstream
    const pool = openPool(upstream, this.#options)
    const { isShared, store, runtime } = this.#options
    const rests =
      isShared && fingerprint !== undefined
        ? new SharedRests({ pool, scope: [name, fingerprint], store, runtime })
        : undefined
    void rests?.follow()
    return { pool, rests, fingerprint, users: 0 }
  }
}

/** Adds and removes the accounts that differ. @returns whether any was added */
function exchangeAccounts(pool: Pool, declared: readonly Account[]): boolean {
  const configured = new Map(pool.accounts().flatMap((live) => (live.isMade ? [] : [[live.label, live]])))
  const labels = new Set(declared.map(({ label }) => label))
  for (const label of configured.keys()) if (!labels.has(label)) pool.remove(label)
  const added = declared.filter(({ label, fingerprint }) => {
    const live = configured.get(label)
    return !live || live.fingerprint !== fingerprint
  })
  for (const account of added) pool.add(account)
  return added.length > 0
}
