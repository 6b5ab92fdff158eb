import { describe, expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import type { FailureStreak } from '../gateway/health/failure-streak.ts'
import type { UpstreamStatus } from '../gateway/inspect.ts'
import { findNeeds } from './find-needs.ts'
import type { Look } from './look.ts'

const now = 1_800_000_000_000
const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

const quiet: Look = {
  now,
  gateway: { calls: { running: 0, permits: 10, waiting: 0 }, available: [], upstreams: [] },
  shortage: undefined,
  requests: [],
  toolServers: [],
  storeProblem: undefined,
  budgets: [],
  expiredKeys: [],
  clockOffset: undefined,
  settings: { hasNoUpstream: false, isOpenToEveryone: false, hasWeakKey: false },
  failedReload: undefined,
  droppedLines: undefined,
}

const counts = { requests: 0, failed: 0, lastSuccessAt: undefined }
const healthy: UpstreamStatus = {
  ...{ name: 'lab', provider: undefined, address: 'http://lab.example/v1', host: 'lab.example', accounts: [] },
  ...{ credential: undefined, terms: undefined, isWebProduct: false, drift: [], usedUp: undefined, runningCalls: 0 },
  stats: { ...counts, firstEventMs: undefined, minutes: [] },
  retryBudget: { left: 1, max: 1 },
  health: {
    ...{ state: 'good', ejectedForMs: 0, models: [], trouble: undefined, outdated: undefined, isUnreachable: false },
  },
  models: { count: 1, isKnown: true, isFixed: false, ageMs: 0, trouble: undefined },
}

const account = (label: string, state: UpstreamStatus['accounts'][number]['state']) => ({
  ...{ label, state, variable: label, source: 'environment' as const, stats: counts },
})
const streak = (failures: number, code: string, at = now): FailureStreak => ({
  ...{ failures, since: at - minuteMs, at },
  error: new ChatError('upstream-failed', { message: 'No.', code }),
})
const ofUpstream = (changes: Partial<UpstreamStatus>) =>
  findNeeds({ ...quiet, gateway: { ...quiet.gateway, upstreams: [{ ...healthy, ...changes }] } })
const kindsOf = (needs: ReturnType<typeof findNeeds>) => needs.map(({ kind, severity }) => `${severity} ${kind}`)

test('nothing is needed while all is well', () => {
  expect(findNeeds(quiet)).toEqual([])
  expect(ofUpstream({ accounts: [account('A', { kind: 'ok' }), account('B', { kind: 'refreshing' })] })).toEqual([])
})

describe('an account', () => {
  const refused = account('A', { kind: 'refused', until: now + hourMs, why: 'upstream_auth' })

  test('is urgent only if no other can be used', () => {
    expect(kindsOf(ofUpstream({ accounts: [refused] }))).toEqual(['urgent account_refused'])
    expect(kindsOf(ofUpstream({ accounts: [refused, account('B', { kind: 'ok' })] }))).toEqual([
      'warning account_refused',
    ])
  })

  test('whose rest is over is none', () => {
    const over = account('A', { kind: 'refused', until: now - 1, why: 'upstream_auth' })
    expect(ofUpstream({ accounts: [over] })).toEqual([])
  })

  test('that rests for a moment must do so for longer to be one', () => {
    const resting = (ms: number) => account('A', { kind: 'cooling', until: now + ms, why: 'upstream_renewal' })
    expect(ofUpstream({ accounts: [resting(20_000)] })).toMatchObject([{ settlesWithinMs: 30_000 }])
    expect(ofUpstream({ accounts: [resting(hourMs)] })[0]?.settlesWithinMs).toBeUndefined()
  })

  test('that has reached a limit is hidden by its upstream, which is used up', () => {
    const resting = account('A', { kind: 'exhausted', until: now + hourMs, why: 'no_tokens_left' })
    const usedUp = { until: now + hourMs, models: undefined }
    expect(kindsOf(ofUpstream({ accounts: [resting], usedUp }))).toEqual(['urgent upstream_used_up'])
  })

  test('that the operator has put to rest has reached no limit', () => {
    const resting = account('A', { kind: 'cooling', until: now + hourMs, why: 'rested_by_operator' })
    const usedUp = { until: now + hourMs, models: undefined }
    expect(kindsOf(ofUpstream({ accounts: [resting], usedUp }))).toEqual(['urgent account_resting'])
    expect(kindsOf(ofUpstream({ accounts: [resting, account('B', { kind: 'ok' })] }))).toEqual(['note account_resting'])
  })

  test('that is banned needs no new session as well', () => {
    const banned = { ...account('A', { kind: 'banned', why: 'Banned.' }), endsAt: now + hourMs }
    expect(kindsOf(ofUpstream({ accounts: [banned] }))).toEqual(['urgent account_banned'])
    const soon = { ...account('A', { kind: 'ok' }), endsAt: now + hourMs }
    expect(kindsOf(ofUpstream({ accounts: [soon] }))).toEqual(['warning account_expires_soon'])
    expect(ofUpstream({ accounts: [{ ...soon, endsAt: now + 2 * dayMs }] })).toEqual([])
  })
})

describe('an upstream', () => {
  const unreachable = (failures: number, at = now) => ({
    health: { ...healthy.health, trouble: streak(failures, 'upstream_unreachable', at), isUnreachable: true },
  })

  test('cannot be reached after three failures in a row, of chats and its list together', () => {
    expect(ofUpstream(unreachable(2))).toEqual([])
    expect(kindsOf(ofUpstream(unreachable(3)))).toEqual(['urgent upstream_unreachable'])
    const list = { ...healthy.models, trouble: streak(1, 'upstream_connect_timeout') }
    expect(kindsOf(ofUpstream({ ...unreachable(2), models: list }))).toEqual(['urgent upstream_unreachable'])
  })

  test('that nobody has asked for long is not known to be down, unless it is ejected', () => {
    expect(ofUpstream(unreachable(4, now - hourMs))).toEqual([])
    const { health } = unreachable(4, now - hourMs)
    expect(kindsOf(ofUpstream({ health: { ...health, state: 'ejected' } }))).toEqual(['urgent upstream_unreachable'])
  })

  test('that fails hides its models', () => {
    const model = { model: 'm', state: 'ejected' as const, ejectedForMs: 9, trouble: streak(5, 'upstream_error') }
    const health = { ...healthy.health, models: [model], trouble: streak(5, 'upstream_error') }
    expect(kindsOf(ofUpstream({ health }))).toEqual(['warning model_failing'])
    expect(kindsOf(ofUpstream({ health: { ...health, state: 'ejected' } }))).toEqual(['urgent upstream_failing'])
    const mistrusted = { ...health, models: [{ ...model, state: 'mistrusted' as const }] }
    expect(ofUpstream({ health: mistrusted })).toEqual([])
  })

  test('with a key in its address shows none of it', () => {
    const models = { ...healthy.models, trouble: streak(1, 'upstream_address') }
    const needs = ofUpstream({ models, address: 'http://user:canary@lab.example/v1?key=canary#canary' })
    expect(needs).toMatchObject([{ facts: { address: 'http://lab.example/v1' } }])
    expect(JSON.stringify(needs)).not.toContain('canary')
  })

  test('has one need for all its drift, which names what is lost', () => {
    const drift = (kind: 'unknown_event' | 'wrong_type', lastAt: number) => ({
      ...{ id: kind, kind, where: 'delta', shape: '{}', count: 2, firstAt: now - hourMs, lastAt, request: 'r' },
    })
    const both = [drift('unknown_event', now), drift('wrong_type', now - minuteMs)]
    expect(ofUpstream({ drift: both })).toMatchObject([
      { severity: 'warning', facts: { what: 'wrong_type', places: 2 } },
    ])
    expect(kindsOf(ofUpstream({ drift: [drift('unknown_event', now)] }))).toEqual(['note drift'])
    expect(ofUpstream({ drift: [drift('wrong_type', now - 2 * dayMs)] })).toEqual([])
  })
})

describe('a client key', () => {
  test('has a need from 80 % of its budget on', () => {
    const spent = (used: number) =>
      kindsOf(findNeeds({ ...quiet, budgets: [{ key: 'k', used, amount: 10, unit: 'USD', resetsAt: undefined }] }))
    expect([7.99, 8, 9.99, 10, 11].map(spent)).toEqual([
      [],
      ['warning budget_near'],
      ['warning budget_near'],
      ['urgent budget_spent'],
      ['urgent budget_spent'],
    ])
  })

  test('that has expired is urgent while it is used, and forgotten after some days', () => {
    const expired = (agoMs: number, usedAgoMs?: number) =>
      kindsOf(
        findNeeds({
          ...quiet,
          expiredKeys: [
            {
              name: 'k',
              expiredAt: now - agoMs,
              refused: usedAgoMs === undefined ? 0 : 1,
              lastAt: usedAgoMs === undefined ? undefined : now - usedAgoMs,
            },
          ],
        }),
      )
    expect(expired(hourMs)).toEqual(['note key_expired'])
    expect(expired(30 * dayMs, hourMs)).toEqual(['urgent key_expired'])
    expect([expired(30 * dayMs), expired(30 * dayMs, 2 * dayMs)]).toEqual([[], []])
  })
})

test('a shortage that refuses nobody must last, and is urgent only if it has refused many', () => {
  expect(findNeeds({ ...quiet, shortage: 'memory' })).toMatchObject([{ severity: 'warning', settlesWithinMs: 30_000 }])
})
