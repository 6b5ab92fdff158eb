import type { Account, Supply } from './account.ts'
import { AccountFactory } from './account-factory.ts'
import type { AccountsOptions } from './live-account.ts'
import { Pool } from './pool.ts'

/** The accounts that an upstream declares. */
export interface DeclaredAccounts {
  readonly name: string
  readonly accounts: readonly Account[]
  readonly supply?: Supply
}

/** The pool of an upstream's accounts, with what makes more of them where the upstream has that. */
export function openPool({ name, accounts, supply }: DeclaredAccounts, shared: AccountsOptions): Pool {
  const options = { ...shared, log: shared.log.child({ upstream: name }) }
  const pool = new Pool({
    ...options,
    upstream: name,
    ...(supply && { factory: new AccountFactory(name, supply, options) }),
  })
  for (const account of accounts) pool.add(account)
  return pool
}
