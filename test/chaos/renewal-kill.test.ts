/**
 * P10 with real processes: each is killed at another moment of a renewal, and the next one continues with the SQLite file, or with the
 * Redis, where it has to wait until the lease of the killed one has ended.
 * With TRIBUTARY_TEST_FULL=1 there are ten times as many.
 */
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RotationRule } from '../../src/sign-in/emulator/rotation.ts'
import type { SupabaseEmulator } from '../../src/sign-in/emulator/supabase.ts'
import { installedServers, startRedis } from '../../src/state/redis/real-redis.double.ts'
import { times } from '../sizes.ts'
import { each, until, within } from '../waiting.ts'
import { Forgiveness, type Moment, moments, seeded } from './crash-points.ts'
import type { Task } from './renewal-child.ts'
import { emulateProject } from './renewal-rig.ts'

const rounds = times(1, 10)
const script = fileURLToPath(new URL('./renewal-child.ts', import.meta.url))
const patienceMs = 20_000

const children = new Set<{ kill(signal: 'SIGKILL'): void }>()

/** Starts a child, and talks to it line by line. */
function start(task: Task) {
  const child = Bun.spawn([process.execPath, script], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
  const send = (line: string) => {
    child.stdin.write(`${line}\n`)
    child.stdin.flush()
  }
  const lines = linesOf(child.stdout)
  children.add(child)
  void child.exited.then(() => children.delete(child))
  send(JSON.stringify(task))
  return {
    send,
    says: async () => (await within(lines.next(), patienceMs, 'a line of the child')).value ?? 'nothing',
    /** Closes its input. */
    leave: () => child.stdin.end(),
    kill: () => child.kill('SIGKILL'),
    /** The signal that ended it, if one did. */
    ended: async () => {
      await within(child.exited, patienceMs, 'the end of the child')
      return child.signalCode
    },
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  return undefined
}

/** Runs processes one after the other, and kills each at another moment. */
async function chain(rule: RotationRule, seed: number, place: Task['place']): Promise<void> {
  const random = seeded(seed)
  let now = 1_900_000_000_000
  const emulator = await emulateProject({ rule, now: () => now })
  const { origin, anonKey } = emulator
  let first = emulator.signIn()
  let forgiveness = new Forgiveness(rule)
  const begin = (diesAt?: Moment) => start({ place, origin, anonKey, first, now, ...(diesAt && { diesAt }) })
  for (const diesAt of [...shuffled(moments, random), ...shuffled(moments, random)].slice(
    0,
    times(moments.length, 8),
  )) {
    // a child that misses its moment is killed from outside
    const isCutOff = diesAt === 'after the service'
    const child = begin(isCutOff ? undefined : diesAt)
    forgiveness.renewed(now)
    if (forgiveness.isLost) {
      expect(await child.says()).toBe('login-needed')
      await dismissed(child)
      await leftAlone(begin(), emulator)
      first = emulator.signIn()
      forgiveness = new Forgiveness(rule)
      continue
    }
    expect(await child.says()).toBe('200')
    if (isCutOff) await cutOff(child, emulator)
    else child.send('go')
    expect(await child.ended()).toBe('SIGKILL')
    forgiveness.renewed(now, diesAt)
    now += typeof place === 'string' && random() < 0.5 ? 5_000 : 30_000
  }
  const last = begin()
  forgiveness.renewed(now)
  expect(await last.says()).toBe(forgiveness.isLost ? 'login-needed' : '200')
  await dismissed(last)
  await emulator.close()
}

type Child = ReturnType<typeof start>

/** Kills the child after the service has renewed the account, before the reply arrives. */
async function cutOff(child: Child, emulator: SupabaseEmulator): Promise<void> {
  const { renewals } = emulator.counts
  emulator.fault({ script: { framing: 'raw', ending: 'stall' }, isDone: true })
  child.send('go')
  await until(() => emulator.counts.renewals > renewals, patienceMs, 'the renewal')
  child.kill()
}

/** Lets the child run until it ends by itself. */
async function dismissed(child: Child): Promise<void> {
  child.send('go')
  child.leave()
  expect(await child.ended()).toBe(null)
}

/** Expects that every later process knows of the lost account and does not ask the service. */
async function leftAlone(child: Child, { counts }: SupabaseEmulator): Promise<void> {
  const { refusals } = counts
  expect(await child.says()).toBe('login-needed')
  await dismissed(child)
  expect([refusals, counts.refusals]).toEqual([refusals, refusals])
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values
    .map((value) => ({ value, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value)
}

test('P10: an account survives kill -9 at each moment of a renewal, if the rule forgives it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-kill-'))
  const seeds = Array.from({ length: rounds }, (_, at) => Number(process.env.TRIBUTARY_TEST_SEED ?? 1) + at)
  const chains = seeds.flatMap((seed) => (['strict', 'documented', 'v2'] as const).map((rule) => ({ rule, seed })))
  try {
    await each(chains, 2, ({ rule, seed }) =>
      chain(rule, seed, join(folder, `${rule}-${seed}.db`)).catch((thrown: unknown) => {
        throw new Error(`TRIBUTARY_TEST_SEED=${seed}, the rule ${rule}`, { cause: thrown })
      }),
    )
  } finally {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
}, 300_000)

const [program] = installedServers
test.skipIf(program === undefined)(
  'P10: an account in Redis survives kill -9 at each moment of a renewal',
  async () => {
    await using redis = await startRedis(program)
    try {
      await chain('documented', Number(process.env.TRIBUTARY_TEST_SEED ?? 1), redis.part())
    } finally {
      for (const child of children) child.kill('SIGKILL')
    }
  },
  300_000,
)
