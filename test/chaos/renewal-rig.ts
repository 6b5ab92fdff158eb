import type { AccountsOptions } from '../../src/accounts/live-account.ts'
import { openPool } from '../../src/accounts/open-pool.ts'
import { accountsOptions } from '../../src/accounts/pool.double.ts'
import { ChatError } from '../../src/chat/error.ts'
import { Secret } from '../../src/chat/secret.ts'
import type { Cancel } from '../../src/flow/cancel.ts'
import type { Chat } from '../../src/flow/chat.ts'
import { aCall, aRequest, chatOf, drain, finish, text } from '../../src/gateway/chat.double.ts'
import { account, type WithAccount } from '../../src/gateway/layers/account.ts'
import { retry } from '../../src/gateway/layers/retry.ts'
import { RetryBudget } from '../../src/gateway/layers/retry-budget.ts'
import {
  emulateSupabase,
  type SupabaseEmulator,
  type SupabaseEmulatorOptions,
} from '../../src/sign-in/emulator/supabase.ts'
import { readSession, type SupabaseSession } from '../../src/sign-in/session.ts'
import { supabaseRenewal } from '../../src/sign-in/supabase.ts'
import type { Store } from '../../src/state/store.ts'
import { send } from '../../src/wire/http.ts'
import { cancelWith, machine } from '../../src/wire/machine.double.ts'

/** Starts Supabase, and a service that answers requests with a valid access token. */
export async function emulateProject(options: SupabaseEmulatorOptions): Promise<SupabaseEmulator> {
  const emulator: SupabaseEmulator = await emulateSupabase({
    ...options,
    otherwise: (exchange) => {
      const token = exchange.request.headers.get('authorization')?.replace('Bearer ', '') ?? ''
      exchange.reply(emulator.verify(token) ? 200 : 401, '')
    },
  })
  return emulator
}

export function renewalAt(origin: string, anonKey: string) {
  return supabaseRenewal({ url: origin, anonKey: { name: 'ANON_KEY', secret: new Secret(anonKey) } })
}

/** @param value a session object */
export function sessionOf(value: unknown): SupabaseSession {
  const session = readSession(value)
  if (!session) throw new Error('no session')
  return session
}

const limits = { connectMs: 10_000, headMs: 10_000, idleMs: 10_000 }

/** Returns the answer of that service to this token. */
export async function statusOf(origin: string, accessToken: string, signal: Cancel): Promise<number> {
  const headers = { authorization: `Bearer ${accessToken}` }
  const reply = await send({ method: 'POST', url: `${origin}/chat`, headers, body: '', limits }, signal)
  await reply.text(1_000)
  return reply.status
}

function tokenIn(credential: unknown): string {
  const hasToken = typeof credential === 'object' && credential !== null && 'accessToken' in credential
  return hasToken && credential.accessToken instanceof Secret ? credential.accessToken.reveal() : ''
}

interface RigOptions extends Pick<SupabaseEmulatorOptions, 'rule'> {
  readonly store: Store
  readonly answerMs?: number
}

/** One account at a service, from the retry layer down to the sockets, with one clock. */
export async function openRig({ rule = 'documented', ...living }: RigOptions) {
  let now = 1_900_000_000_000
  const emulator = await emulateProject({ rule, now: () => now })
  const renewal = renewalAt(emulator.origin, emulator.anonKey)
  const upstream: Chat<WithAccount> = chatOf(async function* (_request, { account: asked, signal }) {
    const status = await statusOf(emulator.origin, tokenIn(asked.credential), signal)
    if (status === 401) throw new ChatError('account-refused', { message: 'HTTP 401', upstreamStatus: 401 })
    yield text('hello')
    yield finish()
  })
  const options: AccountsOptions = accountsOptions({ ...living, now: () => now, random: () => 0 })
  const first = sessionOf(emulator.signIn())
  /** One run of the program. */
  const live = (credential = first) => {
    const pool = openPool({ name: 'upstream', accounts: [{ label: 'a', credential, renewal }] }, options)
    const chat = retry(new RetryBudget(machine))(account(pool, 'upstream')(upstream))
    const call = async () => {
      const { thrown } = await drain(chat(aRequest, aCall(cancelWith({ random: () => 0 }))))
      return thrown instanceof ChatError ? thrown.reason : thrown === undefined ? 'answered' : String(thrown)
    }
    return { call, state: () => pool.states()[0]?.state.kind }
  }
  return {
    emulator,
    first,
    live,
    pass: (ms: number) => {
      now += ms
    },
    [Symbol.asyncDispose]: () => emulator.close(),
  }
}
