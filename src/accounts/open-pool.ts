import type { Account, OnLimit, Supply } from './account.ts'
import { AccountFactory } from './account-factory.ts'
import type { AccountsOptions } from './live-account.ts'
import { Pool } from './pool.ts'

/** The accounts that an upstream declares. */
export interface DeclaredAccounts {
  readonly name: string
  readonly accounts: readonly Account[]
  readonly supply?: Supply
  readonly onLimit?: OnLimit
  /** Whether it is made for people. Such a service limits an account, and not its models. */
  readonly isWebProduct?: true
}

/** Opens the pool of an upstream's accounts, with a factory for more of them if the upstream declares a supply. */
export function openPool(
  { name, accounts, supply, isWebProduct, onLimit = isWebProduct ? 'rest' : 'next' }: DeclaredAccounts,
  shared: AccountsOptions,
): Pool {
  const options = { ...shared, log: shared.log.child({ upstream: name }) }
  const pool = new Pool({
    ...options,
    upstream: name,
    onLimit,
    limitsModels: !isWebProduct,
    ...(supply && { factory: new AccountFactory(name, supply, options) }),
  })
  for (const account of accounts) pool.add(account)
  return pool
}
