import type { Account, Supply } from './account.ts'
import { Pool } from './pool.ts'
import { type AccountsOptions, Session } from './session.ts'
import { Source } from './source.ts'

/** The accounts that an upstream declares. */
export interface Declared {
  readonly name: string
  readonly accounts: readonly Account[]
  readonly supply?: Supply
}

/** The pool of an upstream's accounts, all of them living. */
export function openPool({ name, accounts, supply }: Declared, options: AccountsOptions): Pool {
  const sessions = accounts.map((account) => new Session(account, { ...options, upstream: name }))
  return new Pool(sessions, options.now, supply && new Source(name, supply, options))
}
