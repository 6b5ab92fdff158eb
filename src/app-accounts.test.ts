import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { openApp } from './app.ts'
import { readConfig } from './config/config.ts'
import type { RawVariables } from './config/spelled-values.ts'
import { ManualRuntime } from './flow/runtime.double.ts'
import { MemoryStore } from './state/memory/memory-store.ts'
import { openLog } from './telemetry/log.ts'
import type { EmulatedExchange } from './wire/emulator/http.ts'

type Answer = (exchange: EmulatedExchange, key: string) => unknown

/** Opens the whole program with some keys for one upstream, over the network in memory and on a clock of the test. */
function openGateway(answer: Answer, keys: readonly string[], variables: RawVariables = {}) {
  const runtime = new ManualRuntime()
  const named = Object.fromEntries(keys.map((key, at) => [`UPSTREAM_LAB_KEY_${at + 1}`, key]))
  const set = { HOST: '127.0.0.1', PORT: '0', UPSTREAM_LAB_URL: 'http://lab.test/v1', UPSTREAM_LAB_MODELS: 'm,n' }
  const config = readConfig({ ...set, ...named, ...variables }, false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  const asked: string[] = []
  runtime.network.answerAt(
    'http://lab.test',
    async (exchange) => {
      const key = exchange.request.headers.get('authorization')?.replace('Bearer ', '') ?? ''
      asked.push(key)
      await answer(exchange, key)
    },
    {},
  )
  const log = openLog({ runtime, level: 'silent', format: 'json', write: () => undefined })
  const app = openApp(config, log, new MemoryStore({ runtime }), { runtime })
  const get = async (path: string) => {
    const asking = runtime.network.fetch(`${app.url}${path}`)
    await runtime.settle()
    return (await asking).json()
  }
  return {
    runtime,
    asked,
    get,
    accounts: async () => Upstreams.parse(await get('/admin/upstreams')).data[0]?.accounts ?? [],
    ask: async (model = 'lab/m') => {
      const asking = runtime.network.fetch(`${app.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
      })
      // a second attempt begins a moment after a refusal
      let isOver = false
      const end = () => {
        isOver = true
      }
      asking.then(end, end)
      for (let turns = 0; !isOver && turns < 1_000; turns++) await runtime.advance(1)
      if (!isOver) throw new Error('there is no answer')
      return asking
    },
  }
}

const Upstreams = z.object({
  data: z.array(
    z.object({
      accounts: z.array(
        z.object({
          label: z.string(),
          state: z.string(),
          until: z.string().nullable(),
          models: z.array(z.string()).nullable().optional(),
          quota: z.array(z.looseObject({})),
        }),
      ),
    }),
  ),
})

const json = { 'content-type': 'application/json' }
const whole = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
})

function reply(exchange: EmulatedExchange, headers: Readonly<Record<string, string>> = {}) {
  exchange.reply(200, whole, { ...json, ...headers })
}

function refuse(
  exchange: EmulatedExchange,
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
) {
  exchange.reply(status, JSON.stringify({ error: { message: `No: ${code}`, code } }), { ...json, ...headers })
}

const bad: Readonly<Record<string, Answer>> = {
  revoked: (exchange) => refuse(exchange, 401, 'invalid_api_key'),
  limited: (exchange) => refuse(exchange, 429, 'rate_limit_exceeded', { 'retry-after': '600' }),
  banned: (exchange) => refuse(exchange, 403, 'account_deactivated'),
}
const times = (count: number, size: number) => Array.from({ length: count }, () => size)
const nineBad = ['revoked', 'limited', 'banned'].flatMap((kind) => [1, 2, 3].map((number) => `${kind}-${number}`))
const answerByKey: Answer = (exchange, key) => {
  const refuseAs = bad[key.split('-')[0] ?? '']
  return refuseAs ? refuseAs(exchange, key) : reply(exchange)
}

describe('P21: of ten accounts nine are revoked, limited or banned', () => {
  /** @param batches how many calls are made at once, one batch after the other */
  const callAll = async (keys: readonly string[], batches: readonly number[]) => {
    const gateway = openGateway(answerByKey, keys)
    const attempts: number[] = []
    for (const inParallel of batches) {
      const answers = await Promise.all(Array.from({ length: inParallel }, () => gateway.ask()))
      for (const answer of answers) {
        expect(answer.status).toBe(200)
        attempts.push(Number(answer.headers.get('x-tributary-attempts')))
        await answer.body?.cancel()
      }
    }
    return { ...gateway, attempts }
  }

  test('a thousand calls are answered with at most three attempts, and each bad account is asked once', async () => {
    const { attempts, asked, accounts } = await callAll([...nineBad, 'good'], [...times(20, 1), ...times(20, 49)])
    expect([attempts.length, Math.max(...attempts)]).toEqual([1_000, 3])
    expect(asked.slice(0, 10)).toEqual([...nineBad, 'good'])
    expect(asked.length).toBe(1_009)
    const states = (await accounts()).map(({ state }) => state)
    expect(
      Object.entries(Object.groupBy(states.toSorted(), (state) => state)).map(([state, all]) => [state, all?.length]),
    ).toEqual([
      ['cooling', 3],
      ['ok', 1],
      ['refused', 6],
    ])
  })

  test('so are fifty calls at once, again and again', async () => {
    const { attempts, asked } = await callAll([...nineBad, 'good'], times(20, 50))
    expect(attempts.length).toBe(1_000)
    expect(Math.max(...attempts)).toBeLessThanOrEqual(3)
    // each of the first fifty calls may meet each bad account before anybody knows of it
    expect(asked.length).toBeLessThan(1_000 + 50 * 9)
  })
})

test('a call asks at most 16 accounts beyond its three attempts', async () => {
  const { ask, asked } = openGateway(
    answerByKey,
    Array.from({ length: 30 }, (_, at) => `revoked-${at}`),
  )
  expect([(await ask()).status, asked.length]).toEqual([502, 19])
})

describe('quota', () => {
  const spent = {
    'x-ratelimit-limit-requests': '5',
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '40',
  }

  test('that is used up lets another account answer, and never reaches the client', async () => {
    const { ask, asked } = openGateway((exchange, key) => reply(exchange, key === 'a' ? spent : {}), ['a', 'b'])
    const first = await ask()
    expect([...first.headers.keys()].filter((name) => name.includes('ratelimit'))).toEqual([])
    for (let calls = 0; calls < 3; calls++) await ask()
    expect(asked).toEqual(['a', 'b', 'b', 'b'])
  })

  test('of all accounts that is used up causes 429 with the time, without a request, until the reset', async () => {
    const { runtime, ask, asked } = openGateway((exchange) => reply(exchange, spent), ['a'])
    await ask()
    const refused = await ask()
    expect([refused.status, refused.headers.get('retry-after'), asked.length]).toEqual([429, '40', 1])
    expect(await refused.json()).toMatchObject({
      error: {
        type: 'rate_limit_error',
        message: expect.stringMatching(/^All accounts of lab are used up until .*UTC\.$/),
      },
    })
    // the limit is the model's
    expect((await ask('lab/n')).status).toBe(200)
    await runtime.advance(40_000)
    expect([(await ask()).status, asked.length]).toEqual([200, 3])
  })

  test('with ON_LIMIT=rest no other account is asked', async () => {
    const limited: Answer = (exchange, key) => (key === 'a' ? bad.limited?.(exchange, key) : reply(exchange))
    const keys = ['a', 'b']
    const resting = openGateway(limited, keys, { UPSTREAM_LAB_ON_LIMIT: 'rest' })
    expect([(await resting.ask()).status, (await resting.ask()).status, resting.asked]).toEqual([429, 429, ['a']])
    const going = openGateway(limited, keys)
    expect([(await going.ask()).status, (await going.ask()).status, going.asked]).toEqual([200, 200, ['a', 'b', 'b']])
  })

  test('is shown to the operator', async () => {
    const { ask, get, accounts } = openGateway((exchange) => reply(exchange, spent), ['a'])
    expect(await get('/ready')).toMatchObject({ status: 'ready', upstreams: 'ok', accounts: 'ok' })
    await ask()
    expect(await accounts()).toMatchObject([
      {
        ...{ state: 'cooling', until: expect.any(String), models: ['m'] },
        quota: [{ model: 'm', unit: 'requests', scope: '', limit: 5, remaining: 0, reset_at: expect.any(String) }],
      },
    ])
    expect(await get('/admin/upstreams')).toMatchObject({ data: [{ used_up: { models: ['m'] } }] })
    const until = (await accounts())[0]?.until
    expect(await get('/ready')).toMatchObject({ status: 'degraded', upstreams: 'used up', until, accounts: 'none' })
  })
})
