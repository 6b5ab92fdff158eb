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

/** Opens the pool of an upstream's accounts, with a factory for more of them if the upstream declares a supply. */
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
