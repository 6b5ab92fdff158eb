/** Sessions that end, are refused, replaced, lost or banned, as a client of the whole program sees them. */
import { expect, test } from 'bun:test'
import { emulateSmithery, type SmitheryEmulator } from '../../src/providers/smithery/emulator/index.ts'
import type { SupabaseEmulatorOptions } from '../../src/sign-in/emulator/supabase.ts'
import { ask } from './client.ts'
import { type RunningGateway, startGateway } from './gateway.ts'

interface Stage {
  readonly emulator: SmitheryEmulator
  readonly gateway: RunningGateway
  /** Asks, and returns the answer or the code of the failure. */
  said(): Promise<string>
  /** The tokens that the account was configured with. */
  readonly tokens: Tokens
}

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly user: { readonly id: string }
}

async function staged(supabase: SupabaseEmulatorOptions, run: (stage: Stage) => Promise<void>): Promise<void> {
  const emulator = await emulateSmithery({ supabase })
  const tokens: Tokens = JSON.parse(emulator.variables.SMITHERY_COOKIE_1 ?? '')
  const gateway = startGateway(emulator.variables)
  let asked = 0
  const said = async () => {
    const { status, text, errors } = await ask(gateway.url, { model: 'gpt-5', id: `q-${asked++}`, stream: false })
    return status === 200 ? text : (errors[0] ?? String(status))
  }
  try {
    await run({ emulator, gateway, said, tokens })
  } finally {
    await gateway.close()
    await emulator.close()
  }
}

const cut = { script: { framing: 'raw', ending: 'rst' } } as const
/** A session that ends so soon that it is renewed before it is used. */
const short = { expiresIn: 5 }

test('a session that is about to end is renewed before it is used', () =>
  staged(short, async ({ emulator, said, tokens }) => {
    expect(await said()).toStartWith('You said:')
    expect(emulator.supabase.counts.renewals).toBe(1)
    expect(emulator.requests.every(({ headers }) => !headers.get('cookie')?.includes(tokens.access_token))).toBe(true)
  }))

test('many concurrent requests cause one renewal', () =>
  staged({}, async ({ emulator, said, tokens }) => {
    emulator.supabase.refuse(tokens.access_token)
    const answers = await Promise.all(Array.from({ length: 40 }, said))
    expect(answers.every((text) => text.startsWith('You said:'))).toBe(true)
    expect(emulator.supabase.counts).toMatchObject({ renewals: 1, refusals: 0 })
  }))

test('a session that is refused before its end is renewed, and no client notices', () =>
  staged({}, async ({ emulator, said, tokens }) => {
    expect(await said()).toStartWith('You said:')
    emulator.supabase.refuse(tokens.access_token)
    expect(await said()).toStartWith('You said:')
    expect(await said()).toStartWith('You said:')
    expect(emulator.supabase.counts.renewals).toBe(1)
  }))

for (const rule of ['documented', 'strict', 'v2'] as const)
  test(`a renewal whose reply was lost is repeated without an error, by the rule ${rule}`, () =>
    staged({ ...short, rule }, async ({ emulator, said }) => {
      emulator.supabase.fault({ ...cut, isDone: true })
      expect(await said()).toStartWith('You said:')
      expect(emulator.supabase.counts).toMatchObject({ renewals: 2, refusals: 0 })
    }))

test('a sign-in service that fails is asked again later, with the same token', () =>
  staged(short, async ({ emulator, said }) => {
    emulator.supabase.fault(cut, cut)
    expect(await said()).toBe('upstream_renewal')
    expect(await said()).toStartWith('You said:')
    expect(emulator.supabase.counts).toMatchObject({ renewals: 1, refusals: 0 })
  }))

test('a token that another program has used up needs a login, and is not tried again', () =>
  staged({ ...short, rule: 'strict', reuseIntervalMs: -1 }, async ({ emulator, said, tokens }) => {
    // the browser renews it: by the strict rule ours is the second use
    await fetch(`${emulator.supabase.origin}/auth/v1/token?grant_type=refresh_token`, {
      method: 'POST',
      headers: { apikey: emulator.supabase.anonKey },
      body: JSON.stringify({ refresh_token: tokens.refresh_token }),
    })
    expect(await said()).toBe('upstream_login_needed')
    expect(emulator.supabase.counts.refusals).toBe(1)
    expect(await said()).toBe('no_account')
    expect(emulator.supabase.counts.refusals).toBe(1)
    expect(emulator.chats).toEqual([])
  }))

test('a banned user is reported to the operator, and not used again', () =>
  staged(short, async ({ emulator, said, tokens }) => {
    emulator.supabase.end(tokens.user.id, 'user_banned')
    expect(await said()).toBe('upstream_banned')
    await said()
    expect(emulator.supabase.counts.refusals).toBe(1)
    expect(emulator.chats).toEqual([])
  }))

test('a key of another project is reported to the operator, and the account stays usable', () =>
  staged(short, async ({ emulator }) => {
    const gateway = startGateway({ ...emulator.variables, SMITHERY_SUPABASE_ANON_KEY: 'a-key-of-another-project' })
    try {
      const answer = await ask(gateway.url, { model: 'gpt-5', id: 'wrong-key', stream: false })
      expect([answer.status, ...answer.errors]).toEqual([502, 'upstream_renewal'])
      expect(answer.body).toContain('SMITHERY_SUPABASE_ANON_KEY')
    } finally {
      await gateway.close()
    }
    expect(emulator.supabase.counts).toMatchObject({ renewals: 0, refusals: 0 })
  }))
