import { asChatError } from '../chat/error.ts'
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

/** The pool of an upstream's accounts, all of them living. What was proven dead in a former life is put aside in the background. */
export function openPool({ name, accounts, supply }: Declared, shared: AccountsOptions): Pool {
  const options = { ...shared, log: shared.log.child({ upstream: name }) }
  const sessions = accounts.map((account) => new Session(account, { ...options, upstream: name }))
  const pool = new Pool(sessions, { ...options, ...(supply && { source: new Source(name, supply, options) }) })
  for (const session of sessions) void putAside(session, pool, options)
  return pool
}

async function putAside(session: Session, pool: Pool, { log }: AccountsOptions): Promise<void> {
  try {
    const dead = await session.proof()
    if (dead) pool.failed(session, dead)
  } catch (thrown) {
    log.warn({ account: session.label, err: asChatError(thrown) }, 'what is kept of an account cannot be read')
  }
}
