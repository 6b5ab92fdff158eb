/** What the operator sees of a request's attempts and of the last hour, through real sockets. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { tenAnswers } from '../src/gateway/continuation/ten-answers.double.ts'
import { type EmulatedChat, emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { sseData } from '../src/wire/sse.ts'
import { ask, request } from './chaos/client.ts'
import { startGateway } from './chaos/gateway.ts'
import { cutAt, moments, refused } from './chaos/scripts.ts'
import { until } from './waiting.ts'

// a conversation stays with the upstream that has answered it, so each test has its own
const names = ['a', 'b', 'c', 'lone', 'dying', 'spare', 'down', 'up']
/** How each upstream answers, if not properly. */
const scripts = new Map<string, (chat: EmulatedChat) => Script | undefined>()
const emulator = await emulateOpenai({ models: names, reply: (chat) => scripts.get(chat.model)?.(chat) })
const gateway = startGateway({
  ...Object.fromEntries(
    names.flatMap((name) => [
      [`UPSTREAM_${name.toUpperCase()}_URL`, emulator.url],
      [`UPSTREAM_${name.toUpperCase()}_MODELS`, name],
    ]),
  ),
  UPSTREAM_A_KEY_1: 'key-of-a',
  UPSTREAM_A_KEY_2: 'other-key-of-a',
  ROUTES:
    'chain = b/b > c/c; panel = b/b + c/c; quick = b/b > c/c @ hedge; going = dying/dying > spare/spare; counted = down/down > up/up',
})
afterEach(() => scripts.clear())
/** Each test spends some retries, and an upstream gets ten a second. */
beforeEach(() => Bun.sleep(200))
afterAll(async () => {
  await gateway.close()
  await emulator.close()
})

const Attempt = z.strictObject({
  ...{ upstream: z.string(), account: z.string().nullable(), model: z.string(), start_ms: z.int().nonnegative() },
  ...{ first_event_ms: z.int().nullable(), end_ms: z.int().nullable(), outcome: z.string().nullable() },
  hashes: z.null(),
})
const Details = z.looseObject({
  ...{ surface: z.string(), outcome: z.string(), attempts: z.int(), duration_ms: z.int() },
  timeline: z.strictObject({
    queued_ms: z.int(),
    attempts: z.array(Attempt),
    seams: z.array(
      z.strictObject({ at_ms: z.int(), upstream: z.string(), from: z.string(), after: z.string(), way: z.string() }),
    ),
  }),
})

async function details(id: string): Promise<z.infer<typeof Details>> {
  return Details.parse(await (await fetch(`${gateway.url}/admin/requests/${id}`)).json())
}

/** Upstream and outcome of each attempt, when all have ended. */
async function outcomes(id: string): Promise<readonly string[]> {
  await until(
    async () => (await details(id)).timeline.attempts.every(({ outcome }) => outcome !== null),
    5_000,
    'the end of the attempts',
  )
  const { timeline } = await details(id)
  return timeline.attempts.map(({ upstream, outcome }) => `${upstream} ${outcome}`)
}

const prose = tenAnswers.prose ?? ''
const half = prose.slice(0, prose.length / 2)
/** Without a pause, the reset could arrive before the bytes. */
const brokenOff = { ending: 'rst', endDelayMs: 20 } as const

function saying(text: string, ending?: Pick<Script, 'ending' | 'endDelayMs'>): Script {
  const chunk = (delta: object, finish: string | null = null) =>
    sseData(JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] }))
  const words = (text.match(/[\s\S]{1,9}/gu) ?? []).map((content) => chunk({ content }))
  return ending ? { body: words, ...ending } : { body: [...words, chunk({}, 'stop'), sseData('[DONE]')] }
}

/** The end of the broken answer that the model is asked to repeat; undefined for a first question. */
function anchorIn({ messages }: EmulatedChat): string | undefined {
  const last = messages.at(-1)?.content
  const text = Array.isArray(last) ? last.map((part) => part.text).join('') : String(last)
  return text.startsWith('The connection broke off') ? text.slice(text.indexOf('\n\n') + 2) : undefined
}

const notFound = () => refused(404, { code: 'model_not_found' })

describe('the timeline of a request', () => {
  test('has its one attempt, with account, model and times', async () => {
    await ask(gateway.url, { model: 'a/a', id: 'plain' })
    const { timeline, surface, attempts, duration_ms: duration } = await details('plain')
    expect({ surface, attempts }).toEqual({ surface: 'openai', attempts: 1 })
    expect(timeline).toMatchObject({ queued_ms: 0, seams: [] })
    const [attempt] = timeline.attempts
    expect(attempt).toMatchObject({ upstream: 'a', account: 'UPSTREAM_A_KEY_1', model: 'a', outcome: 'ok' })
    const order = [0, attempt?.start_ms, attempt?.first_event_ms, attempt?.end_ms, duration]
    expect(order).toEqual([...order].sort((one, other) => Number(one) - Number(other)))
  })

  test('has each refused account and each upstream of a failover, in order', async () => {
    scripts.set('a', () => refused(401, { code: 'invalid_api_key' }))
    await ask(gateway.url, { model: 'a/a', id: 'refused' })
    const { timeline } = await details('refused')
    expect(timeline.attempts.map(({ account, outcome }) => [account, outcome])).toEqual([
      ['UPSTREAM_A_KEY_1', 'upstream_auth'],
      ['UPSTREAM_A_KEY_2', 'upstream_auth'],
    ])
    scripts.set('b', notFound)
    expect((await ask(gateway.url, { model: 'chain', id: 'failover' })).status).toBe(200)
    expect(await outcomes('failover')).toEqual(['b model_not_found', 'c ok'])
    const [first, second] = (await details('failover')).timeline.attempts
    expect(first?.first_event_ms).toBeNull()
    expect(second?.start_ms).toBeGreaterThanOrEqual(Number(first?.end_ms))
  })

  test('has the members of a panel, also one that fails', async () => {
    scripts.set('c', () => refused(400, { code: 'context_length_exceeded' }))
    await ask(gateway.url, { model: 'panel', id: 'panel' })
    expect([...(await outcomes('panel'))].sort()).toEqual(['b ok', 'c context_length_exceeded'])
  })

  test('has both attempts of a hedge, and says that the slower one was not needed', async () => {
    // the delay is learnt from twenty answers
    for (let at = 0; at < 21; at++) await ask(gateway.url, { model: 'quick' })
    scripts.set('b', () => ({ body: [], ending: 'stall' }))
    await ask(gateway.url, { model: 'quick', id: 'hedged' })
    expect(await outcomes('hedged')).toEqual(['b not_needed', 'c ok'])
    expect(await details('hedged')).toMatchObject({ hedged: true, attempts: 2 })
  })

  test('has the seam of an answer that was cut and went on, and both attempts', async () => {
    scripts.set('dying', (chat) => (anchorIn(chat) === undefined ? saying(half, brokenOff) : refused(503, {})))
    scripts.set('spare', (chat) => saying(prose.slice(half.length - (anchorIn(chat) ?? '').length)))
    const { text, errors } = await ask(gateway.url, { model: 'going', id: 'cut' })
    expect({ text, errors }).toEqual({ text: prose, errors: [] })
    const { timeline } = await details('cut')
    expect(await outcomes('cut')).toEqual(['dying upstream_disconnected', 'dying upstream_overloaded', 'spare ok'])
    expect(timeline.seams).toMatchObject([
      { upstream: 'spare', from: 'dying', after: 'upstream_disconnected', way: 'anchor' },
    ])
    const [seam, goingOn] = [timeline.seams[0], timeline.attempts[2]]
    expect(seam?.at_ms).toBeGreaterThanOrEqual(goingOn?.start_ms ?? Number.NaN)
    expect(seam?.at_ms).toBeLessThanOrEqual(goingOn?.end_ms ?? Number.NaN)
  })

  test('says when its client has left', async () => {
    scripts.set('lone', () => ({ ...cutAt('C', 'stall') }))
    const leaving = new AbortController()
    const response = await request(gateway.url, { model: 'lone/lone', id: 'left', signal: leaving.signal })
    await response.body?.getReader().read()
    leaving.abort()
    await until(
      async () => (await fetch(`${gateway.url}/admin/requests/left`)).status === 200,
      5_000,
      'the end of the request',
    )
    expect(await outcomes('left')).toEqual(['lone client_closed'])
    expect((await details('left')).outcome).toBe('client_closed')
  })
})

describe('the counts of the last hour', () => {
  const Stats = z.looseObject({
    ...{ requests: z.int(), failed: z.int(), last_success_at: z.iso.datetime().nullable() },
  })
  const Minute = z.looseObject({ at: z.iso.datetime(), requests: z.int(), failed: z.int() })
  const Upstream = z.looseObject({
    name: z.string(),
    stats: Stats.extend({
      first_event_ms: z.strictObject({ p50: z.int(), p95: z.int() }).nullable(),
      minutes: z.array(Minute.extend({ first_event_ms: z.int().nullable() })).length(60),
    }),
    accounts: z.array(z.looseObject({ label: z.string(), stats: Stats })),
  })

  async function upstream(name: string) {
    const { data } = z
      .object({ data: z.array(Upstream) })
      .parse(await (await fetch(`${gateway.url}/admin/upstreams`)).json())
    const found = data.find((one) => one.name === name)
    if (!found) throw new Error(`${name} is missing`)
    return found
  }

  test('are those of each upstream and account, and a failure counts where it happened', async () => {
    scripts.set('down', () => refused(503, {}))
    for (let at = 0; at < 3; at++) await ask(gateway.url, { model: 'counted' })
    const [down, up] = [await upstream('down'), await upstream('up')]
    expect(down.stats).toMatchObject({ failed: down.stats.requests, last_success_at: null, first_event_ms: null })
    expect(down.stats.failed).toBeGreaterThan(0)
    expect(up.stats).toMatchObject({ requests: 3, failed: 0, first_event_ms: expect.any(Object) })
    expect(up.stats.minutes.reduce((sum, { requests }) => sum + requests, 0)).toBe(3)
    expect(Date.now() - Date.parse(String(up.stats.last_success_at))).toBeLessThan(60_000)
    expect(up.accounts.map(({ stats }) => [stats.requests, stats.failed])).toEqual([[3, 0]])
  })

  test('are of each account by itself', async () => {
    scripts.set('a', () => refused(401, { code: 'invalid_api_key' }))
    await ask(gateway.url, { model: 'a/a' })
    const { accounts, stats } = await upstream('a')
    expect(accounts).toHaveLength(2)
    expect(stats.failed).toBeGreaterThan(0)
    expect(accounts.reduce((sum, account) => sum + account.stats.failed, 0)).toBe(stats.failed)
    expect(accounts.reduce((sum, account) => sum + account.stats.requests, 0)).toBe(stats.requests)
  })
})

test('a request that waited for its turn says for how long', async () => {
  const narrow = startGateway({ UPSTREAM_B_URL: emulator.url, UPSTREAM_B_MODELS: 'b', MAX_STREAMS: '1' })
  const held = Promise.withResolvers<void>()
  scripts.set('b', () => {
    scripts.clear()
    return { body: heldBack(held.promise) }
  })
  try {
    const first = ask(narrow.url, { model: 'b/b', id: 'first' })
    await until(() => !scripts.has('b'), 5_000, 'the first request')
    const second = ask(narrow.url, { model: 'b/b', id: 'second' })
    await until(
      async () =>
        z
          .looseObject({ calls: z.object({ waiting: z.int() }) })
          .parse(await (await fetch(`${narrow.url}/admin/upstreams`)).json()).calls.waiting === 1,
      5_000,
      'the second request waits',
    )
    await Bun.sleep(30)
    held.resolve()
    await Promise.all([first, second])
    const timelineOf = async (id: string) =>
      Details.parse(await (await fetch(`${narrow.url}/admin/requests/${id}`)).json()).timeline
    expect((await timelineOf('first')).queued_ms).toBe(0)
    const { queued_ms: queuedMs, attempts } = await timelineOf('second')
    expect(queuedMs).toBeGreaterThanOrEqual(29)
    expect(attempts[0]?.start_ms).toBeGreaterThanOrEqual(queuedMs)
  } finally {
    held.resolve()
    await narrow.close()
  }
})

async function* heldBack(until: Promise<void>): AsyncGenerator<string> {
  yield* moments.C
  await until
  yield* moments.E.slice(moments.C.length)
}
