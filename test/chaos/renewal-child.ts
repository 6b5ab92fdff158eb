/**
 * A process that is killed while it renews an account. It reads its orders from a line of JSON, prints the state of the
 * account, waits for another line, and renews.
 */
import { writeSync } from 'node:fs'
import { LiveAccount } from '../../src/accounts/live-account.ts'
import { accountsOptions } from '../../src/accounts/pool.double.ts'
import { asChatError } from '../../src/chat/error.ts'
import type { SupabaseSession } from '../../src/sign-in/session.ts'
import { openRedisStore } from '../../src/state/redis/open-redis.ts'
import type { RedisServer } from '../../src/state/redis/redis-server.ts'
import { SqliteStore } from '../../src/state/sqlite/sqlite-store.ts'
import type { Store } from '../../src/state/store.ts'
import { machine, machineWith, newCancel } from '../../src/wire/machine.double.ts'
import { crashingRenewal, crashingStore, type Moment } from './crash-points.ts'
import { renewalAt, sessionOf, statusOf } from './renewal-rig.ts'

/** The orders of the child. */
export interface Task {
  /** A SQLite file, or a part of a Redis. */
  readonly place: string | RedisServer
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

async function openStore({ place, now }: Task): Promise<Store> {
  if (typeof place === 'string') return new SqliteStore(place, { runtime: machineWith({ now: () => now }) })
  return openRedisStore(place, { runtime: machine, clock: () => now })
}

async function live(task: Task, lines: AsyncIterator<string>): Promise<void> {
  let isArmed = false
  const at = async (moment: Moment) => {
    if (isArmed && moment === task.diesAt) process.kill(process.pid, 'SIGKILL')
  }
  const store = await openStore(task)
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
