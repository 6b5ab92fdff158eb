import { expect, test } from 'bun:test'
import { ChatError, type Reason } from '../chat/error.ts'
import { openLog } from '../telemetry/log.ts'
import { machine, newCancel } from '../wire/machine.double.ts'
import { openPool } from './open-pool.ts'
import { accountsOptions } from './pool.double.ts'

const never = newCancel()

/** Opens a pool of one account. The test moves its clock, and reads its log lines of `level` and above. */
function setUp(level: 'info' | 'debug' = 'info') {
  let now = Date.parse('2026-11-28T12:00:00.000Z')
  const lines: string[] = []
  const log = openLog({ runtime: machine, level, format: 'json', write: (line) => lines.push(line) })
  const accounts = [{ label: 'OPENAI_API_KEY_2', credential: undefined }]
  const pool = openPool({ name: 'openai', accounts }, accountsOptions({ log, now: () => now }))
  const fail = async (reason: Reason, retryAfterMs?: number) => {
    const error = new ChatError(reason, {
      message: 'the upstream repeats the prompt',
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
    pool.reportFailure(await pool.pick({ tried: new Set() }, never), error)
  }
  return {
    lines: () => lines.map((line): Record<string, unknown> => JSON.parse(line)),
    text: () => lines.join(''),
    fail,
    succeed: async () => pool.reportSuccess(await pool.pick({ tried: new Set() }, never)),
    advance: (ms: number) => {
      now += ms
    },
  }
}

const commonFields = { level: 'warn', upstream: 'openai', account: 'OPENAI_API_KEY_2' }

const restCases: readonly (readonly [Reason, string, string, string])[] = [
  ['rate-limited', 'cooling', 'rate_limit_exceeded', '2026-11-28T12:00:30.000Z'],
  ['renewal-failed', 'cooling', 'upstream_renewal', '2026-11-28T12:00:30.000Z'],
  ['account-refused', 'refused', 'upstream_auth', '2026-11-28T12:10:00.000Z'],
  ['quota-exhausted', 'exhausted', 'insufficient_quota', '2026-11-29T00:00:00.000Z'],
  ['challenged', 'challenged', 'upstream_blocked', '2026-11-28T12:15:00.000Z'],
]
for (const [reason, state, code, until] of restCases) {
  test(`an account that rests after ${reason} is logged once, with its name, a code and a time, and without the upstream’s message`, async () => {
    const { fail, lines, text } = setUp()
    await fail(reason)
    expect(lines()).toEqual([{ ...commonFields, time: expect.anything(), state, code, until, msg: 'an account rests' }])
    expect(text()).not.toContain('prompt')
  })
}

for (const [reason, state, code] of [
  ['login-needed', 'needs-login', 'upstream_login_needed'],
  ['account-banned', 'banned', 'upstream_banned'],
] as const) {
  test(`an account that is put aside after ${reason} is logged once, with its name and a code`, async () => {
    const { fail, lines, text } = setUp()
    await fail(reason)
    const msg = 'an account is put aside until it has another credential'
    expect(lines()).toEqual([{ ...commonFields, time: expect.anything(), state, code, msg }])
    expect(text()).not.toContain('prompt')
  })
}

test('an account rests until the time that the upstream sent', async () => {
  const { fail, lines } = setUp()
  await fail('rate-limited', 90_000)
  expect(lines()).toMatchObject([{ until: '2026-11-28T12:01:30.000Z' }])
})

test('the last account is used while it rests, and is logged again only for another reason or after its rest', async () => {
  const { fail, lines, advance } = setUp()
  for (let times = 0; times < 5; times++) await fail('account-refused')
  expect(lines()).toHaveLength(1)
  await fail('rate-limited')
  expect(lines()).toHaveLength(2)
  advance(3_600_000)
  await fail('rate-limited')
  expect(lines()).toHaveLength(3)
})

test('an account that answers again is logged once', async () => {
  const { fail, succeed, lines } = setUp()
  await succeed()
  await fail('rate-limited')
  await succeed()
  await succeed()
  expect(lines().map(({ level, msg }) => [level, msg])).toEqual([
    ['warn', 'an account rests'],
    ['info', 'an account answers again'],
  ])
})

test('a failure that is not about the account is not logged', async () => {
  const { fail, lines } = setUp()
  for (const reason of ['upstream-failed', 'timeout', 'overloaded', 'invalid-request', 'cancelled'] as const)
    await fail(reason)
  expect(lines()).toEqual([])
})

test('the upstream’s message is logged at the level debug', async () => {
  const { fail, lines } = setUp('debug')
  await fail('rate-limited')
  expect(lines()).toMatchObject([
    { level: 'warn', code: 'rate_limit_exceeded' },
    { level: 'debug', err: { message: 'the upstream repeats the prompt' } },
  ])
})
