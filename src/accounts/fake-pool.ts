import type { Logger } from '../flow/call.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { Account } from './account.ts'
import { Pool } from './pool.ts'
import type { AccountsOptions } from './session.ts'

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
}

/** What tests of whoever asks with accounts take for granted: a store that is empty, a log that nobody reads. */
export function accountsOptions(more: Partial<AccountsOptions> = {}): AccountsOptions {
  return { store: new MemoryStore(), log: silent, ...more }
}

/** Accounts as they live, and the pool of them. */
export function poolOf(accounts: readonly Account[], more: Partial<AccountsOptions> = {}) {
  const options = accountsOptions(more)
  const pool = new Pool({ ...options, upstream: 'upstream' })
  return { sessions: accounts.map((account) => pool.add(account)), pool }
}
