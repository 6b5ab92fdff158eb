import type { Logger } from '../flow/call.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { Account } from './account.ts'
import { Pool } from './pool.ts'
import { type AccountsOptions, Session } from './session.ts'

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
  const sessions = accounts.map((account) => new Session(account, { ...options, upstream: 'upstream' }))
  return { sessions, pool: new Pool(sessions, options) }
}
