/**
 * P10: a process dies in the middle of a renewal, at each possible moment. With TRIBUTARY_TEST_FULL=1 a thousand crashes
 * are simulated. In renewal-kill.test.ts real processes are killed.
 */
import { afterAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LiveAccount } from '../../src/accounts/live-account.ts'
import { accountsOptions } from '../../src/accounts/pool.double.ts'
import { asChatError } from '../../src/chat/error.ts'
import type { SupabaseEmulator } from '../../src/sign-in/emulator/supabase.ts'
import type { SupabaseSession } from '../../src/sign-in/session.ts'
import { SqliteStore } from '../../src/state/sqlite/sqlite-store.ts'
import { machineWith, newCancel } from '../../src/wire/machine.double.ts'
import { times } from '../sizes.ts'
import { crashingRenewal, crashingStore, Forgiveness, type Moment, moments, seeded } from './crash-points.ts'
import { emulateProject, renewalAt, sessionOf } from './renewal-rig.ts'

const trials = times(60, 1_000)
const never = newCancel()
const hourMs = 3_600_000

let now = 1_900_000_000_000
// only a process dies here, not the machine, so the file does not have to be on a disk
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tributary-crash-'))
const file = join(folder, 'state.db')
const rules = ['strict', 'documented', 'v2'] as const
const emulators = await Promise.all(rules.map((rule) => emulateProject({ rule, now: () => now })))

afterAll(async () => {
  await Promise.all(emulators.map((emulator) => emulator.close()))
  rmSync(folder, { recursive: true })
})

interface Life {
  readonly session: LiveAccount<SupabaseSession>
  /** Returns the promise's value or its error; undefined if the process died first. */
  outcome<T>(promise: Promise<T>): Promise<T | string | undefined>
  end(): Promise<void>
}

/** One simulated run of the program, which dies at a given moment. After that its promises never settle. */
function live(emulator: SupabaseEmulator, label: string, first: SupabaseSession, diesAt?: Moment): Life {
  const store = new SqliteStore(file, { runtime: machineWith({ now: () => now }) })
  const died = Promise.withResolvers<undefined>()
  let isDead = false
  const at = (moment: Moment): Promise<void> => {
    if (moment === diesAt) isDead = true
    if (!isDead) return Promise.resolve()
    died.resolve(undefined)
    return new Promise(() => undefined)
  }
  const renewal = crashingRenewal(renewalAt(emulator.origin, emulator.anonKey), at)
  const options = accountsOptions({ store: crashingStore(store, at), now: () => now, random: () => 0 })
  return {
    session: new LiveAccount({ label, credential: first, renewal }, { ...options, upstream: 'upstream' }),
    outcome: (promise) => Promise.race([promise.catch((thrown: unknown) => asChatError(thrown).reason), died.promise]),
    end: () => store.close(),
  }
}

/**
 * Asks for the credential, waits until the service accepts no replaced token any more, and renews; or dies at the first
 * renewal. @returns the last credential, or why there is none
 */
async function play({ session, outcome, end }: Life, forgiveness: Forgiveness, diesAt?: Moment) {
  await session.findProof()
  const renewsFirst = forgiveness.isOpen || session.credential.expiresAt <= now
  const found = await outcome((async () => session.getCredential(never))())
  if (renewsFirst) forgiveness.renewed(now, diesAt)
  if (typeof found !== 'object') return end().then(() => found)
  now += 11_000
  const next = await outcome(session.replaceCredential(found, never))
  forgiveness.renewed(now, diesAt)
  await end()
  return next
}

async function trial(seed: number): Promise<void> {
  const random = seeded(seed)
  const at = Math.floor(random() * rules.length)
  const [emulator, rule] = [emulators[at], rules[at]]
  if (!emulator || !rule) throw new Error('no emulator')
  const first = sessionOf(emulator.signIn())
  const forgiveness = new Forgiveness(rule)
  const begin = (diesAt?: Moment) => play(live(emulator, `seed-${seed}`, first, diesAt), forgiveness, diesAt)
  if (random() < 0.3) await begin()
  if (random() < 0.5) now += 2 * hourMs
  for (let lives = Math.floor(random() * 3) + 1; lives > 0; lives--) {
    await begin(moments[Math.floor(random() * moments.length)])
    const wait = random()
    // within the time of grace, soon after it, and when the token has expired
    now += Math.floor(wait < 0.5 ? wait * 18_000 : wait < 0.8 ? wait * 50_000 : 2 * hourMs)
  }
  await prove(emulator, first, forgiveness, begin)
}

/** Expects that the account works in the last runs, or that it is known to be lost after at most one request. */
async function prove(
  emulator: SupabaseEmulator,
  { userId }: SupabaseSession,
  forgiveness: Forgiveness,
  begin: () => Promise<SupabaseSession | string | undefined>,
): Promise<void> {
  const refusals = emulator.counts.refusals
  for (const life of [1, 2]) {
    const found = await begin()
    const isGood = typeof found === 'object' && emulator.verify(found.accessToken.reveal())?.sub === userId
    expect([life, isGood || found]).toEqual([life, forgiveness.isLost ? 'login-needed' : true])
  }
  expect(emulator.counts.refusals - refusals).toBeLessThanOrEqual(forgiveness.isLost ? 1 : 0)
}

test('P10: an account survives every crash that the rules forgive, and a lost account is known and not tried again', async () => {
  const start = Number(process.env.TRIBUTARY_TEST_SEED ?? 1)
  const count = process.env.TRIBUTARY_TEST_SEED ? 1 : trials
  for (let seed = start; seed < start + count; seed++)
    await trial(seed).catch((thrown: unknown) => {
      throw new Error(`TRIBUTARY_TEST_SEED=${seed}`, { cause: thrown })
    })
}, 300_000)
