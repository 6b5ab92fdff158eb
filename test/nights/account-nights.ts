import { expect } from 'bun:test'
import { emulateSmithery } from '../../src/providers/smithery/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { answering, askTimes, type Night, open, refusal, type StagedNight } from './rig.ts'

const lab = { upstream: 'lab', account: 'UPSTREAM_LAB_KEY', variable: 'UPSTREAM_LAB_KEY' }
const challenge: Script = {
  status: 403,
  headers: { 'content-type': 'text/html', 'cf-mitigated': 'challenge' },
  body: ['<!doctype html><title>Just a moment...</title>'],
}

/** The sign-in session of a browser, which nobody renews. @param now milliseconds since 1970, at which it was made */
async function withSession(now: number): Promise<StagedNight> {
  let clock = now
  const emulator = await emulateSmithery({ supabase: { now: () => clock } })
  const { SMITHERY_SUPABASE_ANON_KEY: _, ...variables } = emulator.variables
  const session = JSON.stringify(emulator.supabase.signIn())
  clock = Date.now()
  return open({ ...variables, SMITHERY_COOKIE_1: session }, { also: [() => emulator.close()] })
}

const hourMs = 3_600_000

/** Nights on which an account cannot be used. */
export const accountNights: readonly Night[] = [
  {
    name: 'an API key is refused',
    kind: 'account_refused',
    severity: 'urgent',
    need: {
      ...lab,
      why: expect.stringContaining('Incorrect API key'),
      facts: { accounts: 1, usable: 0, models: null, code: 'upstream_auth' },
    },
    stage: async () =>
      askTimes(await answering(() => refusal(401, 'invalid_api_key', 'Incorrect API key provided.')), 1, 'lab/one'),
  },
  {
    name: 'one of two API keys is refused',
    kind: 'account_refused',
    severity: 'warning',
    need: { upstream: 'lab', account: 'UPSTREAM_LAB_KEY_2', variable: 'UPSTREAM_LAB_KEY_2' },
    stage: async () => {
      const reply = (_: string, headers: Headers) =>
        headers.get('authorization')?.endsWith('-second') ? refusal(401, 'invalid_api_key', 'No.') : undefined
      return askTimes(await answering(reply, { UPSTREAM_LAB_KEY_2: 'lab-key-second' }), 3, 'lab/one')
    },
  },
  {
    name: 'the credit of the account is used up',
    kind: 'account_exhausted',
    severity: 'urgent',
    need: { ...lab, why: expect.stringContaining('exceeded your current quota') },
    stage: async () =>
      askTimes(
        await answering(() => refusal(429, 'insufficient_quota', 'You exceeded your current quota.')),
        1,
        'lab/one',
      ),
  },
  {
    name: 'one of two accounts has reached its limit',
    kind: 'account_resting',
    severity: 'note',
    need: { upstream: 'lab', account: 'UPSTREAM_LAB_KEY_2', until: expect.stringContaining('T') },
    stage: async () => {
      const limit = refusal(429, 'rate_limit_exceeded', 'Slower.', { 'retry-after': '1800' })
      const reply = (_: string, headers: Headers) =>
        headers.get('authorization')?.endsWith('-second') ? limit : undefined
      return askTimes(await answering(reply, { UPSTREAM_LAB_KEY_2: 'lab-key-second' }), 3, 'lab/one')
    },
  },
  {
    name: 'the upstream shows a challenge page',
    kind: 'account_challenged',
    severity: 'urgent',
    need: { ...lab, why: expect.stringContaining('proof of being human') },
    stage: async () => askTimes(await answering(() => challenge), 1, 'lab/one'),
  },
  {
    name: 'a cookie has expired',
    kind: 'account_needs_login',
    severity: 'urgent',
    need: { upstream: 'smithery', account: 'SMITHERY_COOKIE_1', why: expect.stringContaining('has ended') },
    stage: async () => askTimes(await withSession(Date.now() - 3 * hourMs), 1, 'smithery/gpt-5'),
  },
  {
    name: 'a cookie expires soon, and nobody renews it',
    kind: 'account_expires_soon',
    severity: 'warning',
    need: {
      upstream: 'smithery',
      account: 'SMITHERY_COOKIE_1',
      variable: 'SMITHERY_COOKIE_1',
      until: expect.stringContaining('T'),
    },
    stage: () => withSession(Date.now()),
  },
  {
    name: 'an account is banned',
    kind: 'account_banned',
    severity: 'urgent',
    need: { upstream: 'smithery', account: 'SMITHERY_COOKIE_1' },
    async stage() {
      const emulator = await emulateSmithery({ supabase: { expiresIn: 1 } })
      const session: { user: { id: string } } = JSON.parse(emulator.variables.SMITHERY_COOKIE_1 ?? '')
      emulator.supabase.end(session.user.id, 'user_banned')
      const night = await open(emulator.variables, { also: [() => emulator.close()] })
      return askTimes(night, 1, 'smithery/gpt-5')
    },
  },
]
