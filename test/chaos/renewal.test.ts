import { describe, expect, test } from 'bun:test'
import type { SignInFault } from '../../src/sign-in/emulator/supabase.ts'
import { MemoryStore } from '../../src/state/memory/memory-store.ts'
import { machine } from '../../src/wire/machine.double.ts'
import { openRig, sessionOf } from './renewal-rig.ts'

const hourMs = 3_600_000
const json = { 'content-type': 'application/json' }
const store = () => new MemoryStore({ runtime: machine })

const cut: SignInFault = { script: { headers: json, body: ['{"access_'], endDelayMs: 5, ending: 'rst' } }
const garbage: SignInFault = { script: { headers: json, body: ['{"access_token":{}}'] } }
const silence: SignInFault = { script: { framing: 'raw', ending: 'stall' } }
const failed: SignInFault = { script: { status: 500, headers: json, body: ['{"code":"unexpected_failure"}'] } }
const limited: SignInFault = { script: { status: 429, headers: { ...json, 'retry-after': '120' }, body: ['{}'] } }
const page: SignInFault = {
  script: { status: 403, headers: { 'content-type': 'text/html', 'cf-mitigated': 'challenge' }, body: ['<html>'] },
}
const proxyTimeout: SignInFault = {
  script: { status: 504, headers: { 'content-type': 'text/html' }, body: ['<html>'] },
  isDone: true,
}
const lost: SignInFault = { ...cut, isDone: true }

describe('P11: 500 requests at once', () => {
  test('with an expired token cause one renewal, and no client sees an error', async () => {
    await using rig = await openRig({ store: store() })
    const { call } = rig.live()
    rig.pass(hourMs)
    const outcomes = await Promise.all(Array.from({ length: 500 }, call))
    expect(new Set(outcomes)).toEqual(new Set(['answered']))
    expect(rig.emulator.counts).toMatchObject({ renewals: 1, refusals: 0 })
  })

  test('with a token that the service refuses cause one renewal, and no client sees an error', async () => {
    await using rig = await openRig({ store: store() })
    const { call } = rig.live()
    rig.emulator.refuse(rig.first.accessToken.reveal())
    const outcomes = await Promise.all(Array.from({ length: 500 }, call))
    expect(new Set(outcomes)).toEqual(new Set(['answered']))
    expect(rig.emulator.counts).toMatchObject({ renewals: 1, refusals: 0 })
  })

  test('near the end of the token do not wait, and cause one renewal', async () => {
    await using rig = await openRig({ store: store() })
    const { call } = rig.live()
    rig.pass(hourMs - 60_000)
    rig.emulator.fault(silence)
    const outcomes = await Promise.all(Array.from({ length: 500 }, call))
    expect(new Set(outcomes)).toEqual(new Set(['answered']))
    expect(rig.emulator.requests.filter(({ path }) => path.includes('refresh_token')).length).toBe(1)
  })
})

describe('a renewal of an expired token', () => {
  for (const [what, faults, reason, state, restMs, healed] of [
    ['HTTP 500', [failed], 'renewal-failed', 'cooling', 30_000, 1],
    ['HTTP 429 with a time', [limited], 'rate-limited', 'cooling', 120_000, 1],
    ['a cut', [cut, cut], 'renewal-failed', 'cooling', 30_000, 1],
    ['garbage', [garbage, garbage], 'renewal-failed', 'cooling', 30_000, 1],
    ['silence', [silence, silence], 'renewal-failed', 'cooling', 30_000, 1],
    ['a page that asks for a human', [page], 'challenged', 'challenged', 900_000, 1],
    // the second attempt got the tokens that the first had made already
    ['two lost replies', [lost, lost], 'renewal-failed', 'cooling', 30_000, 3],
  ] as const)
    test(`answered by ${what}: the account rests, needs no login, and works again afterwards`, async () => {
      await using rig = await openRig({ store: store(), answerMs: 100 })
      const { call, state: shown } = rig.live()
      rig.pass(hourMs)
      rig.emulator.fault(...faults)
      expect([await call(), shown()]).toEqual([reason, state])
      rig.pass(restMs)
      expect([await call(), shown()]).toEqual(['answered', 'ok'])
      expect(rig.emulator.counts).toMatchObject({ renewals: healed, refusals: 0 })
    })

  for (const [what, fault] of [
    ['a cut', cut],
    ['garbage', garbage],
    ['silence', silence],
    ['a lost reply', lost],
    ['a timeout of a proxy', proxyTimeout],
  ] as const)
    for (const rule of ['documented', 'strict', 'v2'] as const)
      test(`answered by ${what} once is repeated at once, and no client notices (${rule})`, async () => {
        await using rig = await openRig({ store: store(), rule, answerMs: 100 })
        const { call, state } = rig.live()
        rig.pass(hourMs)
        rig.emulator.fault(fault)
        expect([await call(), state()]).toEqual(['answered', 'ok'])
        const sent = rig.emulator.requests.filter(({ path }) => path.includes('refresh_token')).map(({ body }) => body)
        expect([sent.length, new Set(sent).size]).toEqual([2, 1])
      })
})

describe('proof', () => {
  test('after a lost rotation that the rule does not forgive: a login is needed, and the service is not asked again', async () => {
    const kept = store()
    await using rig = await openRig({ store: kept, rule: 'strict' })
    const { call, state } = rig.live()
    rig.pass(hourMs)
    rig.emulator.fault(lost, lost)
    expect([await call(), state()]).toEqual(['renewal-failed', 'cooling'])
    rig.pass(30_000)
    expect([await call(), state()]).toEqual(['login-needed', 'needs-login'])
    expect(rig.emulator.counts.refusals).toBe(1)
    for (let calls = 0; calls < 20; calls++) expect(await call()).toBe('unavailable')
    // the proof of an earlier run counts too
    const again = rig.live()
    for (let calls = 0; calls < 20; calls++) expect(['login-needed', 'unavailable']).toContain(await again.call())
    expect(again.state()).toBe('needs-login')
    expect(rig.emulator.counts.refusals).toBe(1)
    const mended = rig.live(sessionOf(rig.emulator.signIn()))
    expect([await mended.call(), mended.state()]).toEqual(['answered', 'ok'])
  })

  for (const [code, reason, state] of [
    ['user_banned', 'account-banned', 'banned'],
    ['session_expired', 'login-needed', 'needs-login'],
    ['session_not_found', 'login-needed', 'needs-login'],
  ] as const)
    test(`by the code ${code} outlives a restart, and costs one request`, async () => {
      await using rig = await openRig({ store: store() })
      rig.emulator.end(rig.first.userId, code)
      rig.pass(hourMs)
      const one = rig.live()
      expect([await one.call(), one.state()]).toEqual([reason, state])
      const two = rig.live()
      await two.call()
      expect([two.state(), rig.emulator.counts.refusals]).toEqual([state, 1])
    })
})

test('a newly configured credential wins over the stored state of the former one', async () => {
  await using rig = await openRig({ store: store() })
  rig.pass(hourMs)
  expect(await rig.live().call()).toBe('answered')
  const next = sessionOf(rig.emulator.signIn())
  const asked = rig.emulator.requests.length
  expect(await rig.live(next).call()).toBe('answered')
  expect(rig.emulator.requests.at(-1)?.headers.get('authorization')).toBe(`Bearer ${next.accessToken.reveal()}`)
  expect(rig.emulator.requests.length).toBe(asked + 1)
})
