import { expect, test } from 'bun:test'
import { ChatError, type Reason } from '../chat/error.ts'
import { openLog } from '../telemetry/log.ts'
import { machine, newCancel } from '../wire/machine.double.ts'
import { openPool } from './open-pool.ts'
import { accountsOptions } from './pool.double.ts'

const never = newCancel()

/** A pool of one account, at a clock that is set by hand; what it says above `debug`. */
function given(level: 'info' | 'debug' = 'info') {
  let now = Date.parse('2026-11-28T12:00:00.000Z')
  const lines: string[] = []
  const log = openLog({ runtime: machine, level, format: 'json', write: (line) => lines.push(line) })
  const accounts = [{ label: 'OPENAI_API_KEY_2', credential: undefined }]
  const pool = openPool({ name: 'openai', accounts }, accountsOptions({ log, now: () => now }))
  const fail = async (reason: Reason, retryAfterMs?: number) => {
    const error = new ChatError(reason, {
      message: 'the prompt, said again',
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
    pool.reportFailure(await pool.pick({ tried: new Set() }, never), error)
  }
  return {
    lines: () => lines.map((line): Record<string, unknown> => JSON.parse(line)),
    text: () => lines.join(''),
    fail,
    succeed: async () => pool.reportSuccess(await pool.pick({ tried: new Set() }, never)),
    pass: (ms: number) => {
      now += ms
    },
  }
}

const about = { level: 'warn', upstream: 'openai', account: 'OPENAI_API_KEY_2' }

const rests: readonly (readonly [Reason, string, string, string])[] = [
  ['rate-limited', 'cooling', 'rate_limit_exceeded', '2026-11-28T12:00:30.000Z'],
  ['renewal-failed', 'cooling', 'upstream_renewal', '2026-11-28T12:00:30.000Z'],
  ['account-refused', 'refused', 'upstream_auth', '2026-11-28T12:10:00.000Z'],
  ['quota-exhausted', 'exhausted', 'insufficient_quota', '2026-11-29T00:00:00.000Z'],
  ['challenged', 'challenged', 'upstream_blocked', '2026-11-28T12:15:00.000Z'],
]
for (const [reason, state, code, until] of rests) {
  test(`an account that rests for ${reason} is one line: its name, why and until when, not the upstream's words`, async () => {
    const { fail, lines, text } = given()
    await fail(reason)
    expect(lines()).toEqual([{ ...about, time: expect.anything(), state, code, until, msg: 'an account rests' }])
    expect(text()).not.toContain('prompt')
  })
}

for (const [reason, state, code] of [
  ['login-needed', 'needs-login', 'upstream_login_needed'],
  ['account-banned', 'banned', 'upstream_banned'],
] as const) {
  test(`an account that is put aside for ${reason} is one line: its name and why`, async () => {
    const { fail, lines, text } = given()
    await fail(reason)
    const msg = 'an account is put aside until it has another credential'
    expect(lines()).toEqual([{ ...about, time: expect.anything(), state, code, msg }])
    expect(text()).not.toContain('prompt')
  })
}

test('a time that the upstream gives is the one in the line', async () => {
  const { fail, lines } = given()
  await fail('rate-limited', 90_000)
  expect(lines()).toMatchObject([{ until: '2026-11-28T12:01:30.000Z' }])
})

test('the last account, which is asked while it rests, says nothing new until its rest was over', async () => {
  const { fail, lines, pass } = given()
  for (let times = 0; times < 5; times++) await fail('account-refused')
  expect(lines()).toHaveLength(1)
  await fail('rate-limited')
  expect(lines()).toHaveLength(2)
  pass(3_600_000)
  await fail('rate-limited')
  expect(lines()).toHaveLength(3)
})

test('an account that answers again says so once', async () => {
  const { fail, succeed, lines } = given()
  await succeed()
  await fail('rate-limited')
  await succeed()
  await succeed()
  expect(lines().map(({ level, msg }) => [level, msg])).toEqual([
    ['warn', 'an account rests'],
    ['info', 'an account answers again'],
  ])
})

test('what is not about the account is no change of its state', async () => {
  const { fail, lines } = given()
  for (const reason of ['upstream-failed', 'timeout', 'overloaded', 'invalid-request', 'cancelled'] as const)
    await fail(reason)
  expect(lines()).toEqual([])
})

test('the upstream’s words are in a line of debug', async () => {
  const { fail, lines } = given('debug')
  await fail('rate-limited')
  expect(lines()).toMatchObject([
    { level: 'warn', code: 'rate_limit_exceeded' },
    { level: 'debug', err: { message: 'the prompt, said again' } },
  ])
})
