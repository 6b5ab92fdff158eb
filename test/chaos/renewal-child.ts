/**
 * A process that is killed while it renews an account. It reads its orders from a line of JSON, prints the state of the
 * account, waits for another line, and renews.
 */
import { writeSync } from 'node:fs'
import { LiveAccount } from '../../src/accounts/live-account.ts'
import { accountsOptions } from '../../src/accounts/pool.double.ts'
import { asChatError } from '../../src/chat/error.ts'
import type { SupabaseSession } from '../../src/sign-in/session.ts'
import { SqliteStore } from '../../src/state/sqlite/sqlite-store.ts'
import { machineWith, newCancel } from '../../src/wire/machine.double.ts'
import { crashingRenewal, crashingStore, type Moment } from './crash-points.ts'
import { renewalAt, sessionOf, statusOf } from './renewal-rig.ts'

/** The orders of the child. */
export interface Task {
  readonly file: string
  readonly origin: string
  readonly anonKey: string
  /** The session object the operator configured. */
  readonly first: unknown
  /** The child's clock, in milliseconds since 1970. */
  readonly now: number
  /** The moment at which it kills itself. Without it the child does not. */
  readonly diesAt?: Moment
}

const never = newCancel()

async function live(task: Task, lines: AsyncIterator<string>): Promise<void> {
  let isArmed = false
  const at = async (moment: Moment) => {
    if (isArmed && moment === task.diesAt) process.kill(process.pid, 'SIGKILL')
  }
  const store = new SqliteStore(task.file, { runtime: machineWith({ now: () => task.now }) })
  const renewal = crashingRenewal(renewalAt(task.origin, task.anonKey), at)
  const options = accountsOptions({ store: crashingStore(store, at), now: () => task.now, random: () => 0 })
  const credential = sessionOf(task.first)
  const session = new LiveAccount({ label: 'a', credential, renewal }, { ...options, upstream: 'upstream' })
  const found = await reportRenewal(task, async () => session.getCredential(never))
  await lines.next()
  isArmed = true
  if (found) await reportRenewal(task, () => session.replaceCredential(found, never))
  await store.close()
}

/** Prints the service's answer to the token, or why there is no token. */
async function reportRenewal(
  { origin }: Task,
  work: () => Promise<SupabaseSession>,
): Promise<SupabaseSession | undefined> {
  try {
    const session = await work()
    writeSync(1, `${await statusOf(origin, session.accessToken.reveal(), never)}\n`)
    return session
  } catch (thrown) {
    writeSync(1, `${asChatError(thrown).reason}\n`)
    return undefined
  }
}

if (import.meta.main) {
  const lines = console[Symbol.asyncIterator]()
  const { value } = await lines.next()
  await live(JSON.parse(value), lines)
}
