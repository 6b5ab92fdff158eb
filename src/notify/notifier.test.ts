import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { until } from '../../test/waiting.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import type { Need } from '../needs/need.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { Store } from '../state/store.ts'
import { openLog } from '../telemetry/log.ts'
import { machine, machineWith } from '../wire/machine.double.ts'
import { lookMs, Notifier } from './notifier.ts'
import { readTarget } from './read-target.ts'
import type { NotifyTarget } from './target.ts'

const minuteMs = 60_000
const secret = 'hook-canary-0123456789'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const Body = z.object({ message: z.string(), needs: z.array(z.object({ id: z.string(), state: z.string() })) })

/** A place for notifications on a real socket. */
function openPlace() {
  const bodies: z.infer<typeof Body>[] = []
  let [status, headers] = [200, {}]
  let asked = 0
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      asked++
      if (status === 200) bodies.push(Body.parse(await request.json()))
      return new Response(null, { status, headers })
    },
  })
  closing.push(() => server.stop(true))
  return {
    url: `http://127.0.0.1:${server.port}/hook/${secret}`,
    bodies,
    answer(next: number, fields: Readonly<Record<string, string>> = {}) {
      status = next
      headers = fields
    },
    /** How many requests it got. */
    get asked() {
      return asked
    },
    /** What was told: `begun id`. */
    get told() {
      return bodies.map(({ needs }) => needs.map(({ state, id }) => `${state} ${id}`).join(', '))
    },
  }
}

const targetOf = (url: string): NotifyTarget => {
  const target = readTarget(url)
  if ('problem' in target) throw new Error(target.problem)
  return target
}

const needs = {
  login: {
    id: 'account_needs_login/cto/CLERK_COOKIE',
    kind: 'account_needs_login',
    severity: 'urgent',
    about: { upstream: 'cto', account: 'CLERK_COOKIE' },
    since: 1_767_225_600_000,
    why: 'the upstream repeats a prompt-canary',
  },
  down: {
    id: 'upstream_unreachable/openai',
    kind: 'upstream_unreachable',
    severity: 'urgent',
    about: { upstream: 'openai' },
    since: 1_767_225_600_000,
  },
  redis: { id: 'redis_gone/STATE_URL', kind: 'redis_gone', severity: 'urgent', about: {}, since: 1_767_225_600_000 },
} as const satisfies Readonly<Record<string, Need>>

/** Processes with one clock, which only the test moves. */
class Processes {
  readonly clock = new ManualRuntime()
  readonly lines: string[] = []
  readonly runtime = machineWith({
    now: () => this.clock.now(),
    elapsed: () => this.clock.elapsed(),
    timers: this.clock.timers,
  })
  store: Store = new MemoryStore({ runtime: this.runtime })

  open(urls: readonly string[], { speaksAlone = true, level = 'warning' as 'warning' | 'urgent' } = {}) {
    const seen: Need[] = []
    const log = openLog({
      runtime: machine,
      level: 'debug',
      format: 'json',
      write: (line) => void this.lines.push(line),
    })
    const notifier = new Notifier(
      { targets: urls.map(targetOf), level },
      { needs: { list: () => [...seen] }, store: this.store, host: 'box', speaksAlone, log, runtime: this.runtime },
    )
    closing.push(() => notifier.close())
    return {
      notifier,
      sees(...now: readonly Need[]) {
        seen.splice(0, seen.length, ...now)
      },
    }
  }

  /** Lets the time pass, look by look, with all that the looks send. */
  async pass(ms: number, ...processes: readonly { readonly notifier: Notifier }[]): Promise<void> {
    for (let passed = 0; passed < ms; passed += lookMs) {
      await this.clock.advance(lookMs)
      for (const { notifier } of processes) await until(() => !notifier.isLooking, 10_000, 'the look ends')
    }
  }
}

test('a need is told once when it has lasted, and once when it is over', async () => {
  const [place, all] = [openPlace(), new Processes()]
  const one = all.open([place.url])
  one.sees(needs.login)
  await all.pass(lookMs, one)
  expect(place.told).toEqual([])
  await all.pass(30 * minuteMs, one)
  expect(place.told).toEqual([`begun ${needs.login.id}`])
  expect(place.bodies[0]?.message).toBe(
    '🔴 The session of the account CLERK_COOKIE at cto has ended. (urgent, since 2026-01-01 00:00 UTC)',
  )
  one.sees()
  await all.pass(2 * lookMs, one)
  expect(place.told).toHaveLength(1)
  await all.pass(30 * minuteMs, one)
  expect(place.told).toEqual([`begun ${needs.login.id}`, `over ${needs.login.id}`])
  expect(JSON.stringify([place.bodies, all.lines])).not.toMatch(/canary/)
})

test('what passes by itself is not told, and neither is what the settings say', async () => {
  const [place, all] = [openPlace(), new Processes()]
  const one = all.open([place.url])
  for (let round = 0; round < 5; round++) {
    one.sees(needs.down)
    await all.pass(lookMs, one)
    one.sees(
      { ...needs.login, severity: 'note' },
      { ...needs.redis, id: 'weak_key', kind: 'weak_key', severity: 'warning' },
    )
    await all.pass(3 * lookMs, one)
  }
  expect(place.told).toEqual([])
})

test('fifty needs at once are one message, and one that comes and goes is quiet for an hour', async () => {
  const [place, all] = [openPlace(), new Processes()]
  const one = all.open([place.url])
  const many = Array.from({ length: 50 }, (_, at) => ({
    ...needs.login,
    id: `account_needs_login/cto/${at}`,
    about: { account: `${at}` },
  }))
  one.sees(...many)
  await all.pass(10 * minuteMs, one)
  expect(place.bodies.map((body) => body.needs.length)).toEqual([50])
  expect(place.bodies[0]?.message.split('\n').at(-1)).toBe('… and 42 more. The console shows all.')

  const [other, flapping] = [openPlace(), new Processes()]
  const two = flapping.open([other.url])
  for (let round = 0; round < 60; round++) {
    two.sees(needs.down)
    await flapping.pass(minuteMs, two)
    two.sees()
    await flapping.pass(5 * minuteMs, two)
  }
  // six hours of failures of a minute: at the beginning, after one hour, and after two more
  expect(other.told.length).toBeLessThanOrEqual(6)
  expect(other.told.filter((line) => line.startsWith('begun')).length).toBeGreaterThanOrEqual(2)
})

test('an end is no news while something worse is true of the same thing', async () => {
  const [place, all] = [openPlace(), new Processes()]
  const one = all.open([place.url])
  const failing = { ...needs.down, id: 'upstream_failing/openai', kind: 'upstream_failing' } as const
  one.sees(failing)
  await all.pass(15 * minuteMs, one)
  one.sees(needs.down)
  await all.pass(30 * minuteMs, one)
  expect(place.told).toEqual([`begun ${failing.id}`, `begun ${needs.down.id}`])
})

test('a warning that becomes urgent is told again, and with NOTIFY_LEVEL=urgent it is told only then', async () => {
  const [place, quiet, all] = [openPlace(), openPlace(), new Processes()]
  const one = all.open([place.url])
  const [two, other] = [new Processes(), { ...needs.login, severity: 'warning' } as const]
  const urgent = two.open([quiet.url], { level: 'urgent' })
  for (const [processes, process] of [
    [all, one],
    [two, urgent],
  ] as const) {
    process.sees(other)
    await processes.pass(5 * minuteMs, process)
    process.sees(needs.login)
    await processes.pass(5 * minuteMs, process)
    process.sees(other)
    await processes.pass(5 * minuteMs, process)
  }
  expect([place.told.length, quiet.told.length]).toEqual([2, 1])
})

describe('several processes', () => {
  test('tell a need once, and its end only when none of them sees it', async () => {
    const [place, all] = [openPlace(), new Processes()]
    const three = [all.open([place.url]), all.open([place.url]), all.open([place.url])]
    for (const one of three) one.sees(needs.down, needs.login)
    await all.pass(30 * minuteMs, ...three)
    expect(place.told).toEqual([`begun ${needs.down.id}, begun ${needs.login.id}`])
    const [first, second, last] = three
    first?.sees()
    second?.sees(needs.down)
    last?.sees()
    await all.pass(30 * minuteMs, ...three)
    expect(place.told.slice(1)).toEqual([`over ${needs.login.id}`])
    second?.sees()
    await all.pass(30 * minuteMs, ...three)
    expect(place.told.slice(2)).toEqual([`over ${needs.down.id}`])
  })

  test('another one tells what the first one could not, because it died', async () => {
    const [dead, place, all] = [openPlace(), openPlace(), new Processes()]
    dead.answer(503)
    const [first, second] = [all.open([dead.url]), all.open([place.url])]
    for (const one of [first, second]) one.sees(needs.down)
    await all.pass(2 * minuteMs, first, second)
    const tells = place.told.length === 0 ? first : second
    expect(tells).toBe(first)
    first.notifier.close()
    await all.pass(10 * minuteMs, second)
    expect(place.told).toEqual([`begun ${needs.down.id}`])
  })

  test('a restart does not tell it again', async () => {
    const [place, all] = [openPlace(), new Processes()]
    const first = all.open([place.url])
    first.sees(needs.login)
    await all.pass(5 * minuteMs, first)
    first.notifier.close()
    const second = all.open([place.url])
    // it knows nothing until a request has shown it
    await all.pass(5 * minuteMs, second)
    second.sees(needs.login)
    await all.pass(20 * minuteMs, second)
    expect(place.told).toEqual([`begun ${needs.login.id}`])
  })

  test('while the state fails one of them tells, and the end is told once when it is back', async () => {
    const [place, all] = [openPlace(), new Processes()]
    const store = all.store
    let isDown = false
    all.store = new Proxy(store, {
      get(target, name) {
        if (isDown && (name === 'get' || name === 'compareAndSet')) return () => Promise.reject(new Error('gone'))
        const member: unknown = Reflect.get(target, name)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    const processes = [all.open([place.url]), all.open([place.url], { speaksAlone: false })]
    await all.pass(15 * minuteMs, ...processes)
    isDown = true
    for (const one of processes) one.sees(needs.redis)
    await all.pass(10 * minuteMs, ...processes)
    expect(place.told).toEqual([`begun ${needs.redis.id}`])
    isDown = false
    for (const one of processes) one.sees()
    await all.pass(30 * minuteMs, ...processes)
    expect(place.told.slice(1)).toEqual([`over ${needs.redis.id}`])
  })
})

describe('a place that fails', () => {
  test('is tried again, less and less often, and the others are told at once', async () => {
    const [broken, place, all] = [openPlace(), openPlace(), new Processes()]
    broken.answer(403)
    const one = all.open([broken.url, place.url])
    one.sees(needs.down)
    await all.pass(5 * minuteMs, one)
    expect([broken.told.length, place.told.length]).toEqual([0, 1])
    broken.answer(200)
    await all.pass(10 * minuteMs, one)
    expect([broken.told, place.told]).toEqual([[`begun ${needs.down.id}`], [`begun ${needs.down.id}`]])
    const said = all.lines.join('')
    expect(said).toContain('a notification could not be sent')
    expect(said.match(/HTTP 403/g)).toHaveLength(1)
    expect(said).not.toContain(secret)
  })

  test('is asked again when it wants, if that is later', async () => {
    const [place, all] = [openPlace(), new Processes()]
    place.answer(429, { 'retry-after': '1800' })
    const one = all.open([place.url])
    one.sees(needs.down)
    await all.pass(25 * minuteMs, one)
    expect(place.asked).toBe(1)
    place.answer(200)
    await all.pass(10 * minuteMs, one)
    expect(place.told).toEqual([`begun ${needs.down.id}`])
  })

  test('does not keep the end from one that was told', async () => {
    const [broken, place, all] = [openPlace(), openPlace(), new Processes()]
    broken.answer(503)
    const one = all.open([broken.url, place.url])
    for (let round = 0; round < 3; round++) {
      one.sees(needs.down)
      await all.pass(minuteMs, one)
      one.sees()
      await all.pass(round < 2 ? 2 * lookMs : 30 * minuteMs, one)
    }
    expect(place.told).toEqual([`begun ${needs.down.id}`, `over ${needs.down.id}`])
  })

  test('that is named twice is told once, also after a reload', async () => {
    const [place, all] = [openPlace(), new Processes()]
    const one = all.open([place.url, place.url])
    one.sees(needs.down)
    await all.pass(5 * minuteMs, one)
    one.notifier.reconfigure({ targets: [targetOf(place.url), targetOf(place.url)], level: 'warning' })
    one.sees()
    await all.pass(20 * minuteMs, one)
    expect(place.told).toEqual([`begun ${needs.down.id}`, `over ${needs.down.id}`])
  })

  test('what is over before it could be told is not told', async () => {
    const [place, all] = [openPlace(), new Processes()]
    place.answer(500)
    const one = all.open([place.url])
    one.sees(needs.down)
    await all.pass(5 * minuteMs, one)
    one.sees()
    await all.pass(5 * minuteMs, one)
    place.answer(200)
    await all.pass(30 * minuteMs, one)
    expect(place.told).toEqual([])
  })

  test('another address takes effect at once, and what was told stays told', async () => {
    const [former, next, all] = [openPlace(), openPlace(), new Processes()]
    const one = all.open([former.url])
    one.sees(needs.down)
    await all.pass(5 * minuteMs, one)
    one.notifier.reconfigure({ targets: [targetOf(next.url)], level: 'warning' })
    one.sees(needs.down, needs.login)
    await all.pass(5 * minuteMs, one)
    expect([former.told.length, next.told]).toEqual([1, [`begun ${needs.login.id}`]])
  })
})
