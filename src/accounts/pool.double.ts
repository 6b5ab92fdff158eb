import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { machine } from '../wire/machine.double.ts'
import type { Account } from './account.ts'
import type { AccountsOptions } from './live-account.ts'
import { Pool } from './pool.ts'

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
}

type GivenOptions = Partial<AccountsOptions & Pick<Runtime, 'now' | 'random'>>

/** Options for tests that use accounts: an empty store, and a log that writes nothing. */
export function accountsOptions({ now, random, runtime = machine, ...more }: GivenOptions = {}): AccountsOptions {
  const clock = now || random ? { ...runtime, ...(now && { now }), ...(random && { random }) } : runtime
  return { store: new MemoryStore({ runtime: machine }), log: silent, runtime: clock, ...more }
}

/** A pool of these accounts, and the accounts in it. */
export function poolOf(accounts: readonly Account[], more: GivenOptions = {}) {
  const options = accountsOptions(more)
  const pool = new Pool({ ...options, upstream: 'upstream' })
  return { accounts: accounts.map((account) => pool.add(account)), pool }
}
