import type { Supply } from '../../accounts/account.ts'
import { flowOf } from '../../flow/flow.ts'
import type { SupabaseSession } from '../../sign-in/session.ts'
import { type SupabaseProject, signUpAnonymously, supabaseRenewal } from '../../sign-in/supabase.ts'
import type { AccountCall, Provider, Upstream, Variables } from '../provider.ts'
import { AccountRuns } from './account-runs.ts'
import { support } from './request.ts'
import { type LangfastService, run } from './run.ts'
import { SignUps } from './sign-ups.ts'

/** The playground of langfa.st, which gives anonymous accounts to anyone. */
export const provider: Provider = {
  name: 'langfast',
  configure(variables) {
    const [anonKey] = variables.secrets('LANGFAST_SUPABASE_ANON_KEY')
    const url = variables.url('LANGFAST_SUPABASE_URL') ?? 'https://yzaaxwkjukajpwqflndu.supabase.co'
    const socketUrl =
      variables.socketUrl('LANGFAST_SOCKET_URL') ?? 'https://langfast-prompt-runner-35808038077.us-central1.run.app'
    const promptId = variables.text('LANGFAST_PROMPT_ID')
    const bounds = boundsIn(variables)
    const models = variables.list('LANGFAST_MODELS') ?? knownModels
    if (!anonKey) return []
    const project = { url, anonKey }
    const service = { project, socketUrl, promptId, userAgent: variables.userAgent }
    return [
      {
        ...langfast(service),
        supply: supplyOf(project, bounds),
        models: models.map((id) => ({ id })),
      },
    ]
  },
  async emulate() {
    const { emulateLangfast } = await import('./emulator/index.ts')
    return emulateLangfast()
  },
}

function langfast(service: LangfastService): Upstream<SupabaseSession> {
  const runsOf = runsByUser()
  return {
    name: 'langfast',
    address: service.project.url,
    accounts: [],
    isWebProduct: true,
    stopsOnCancel: false,
    support,
    chat: (request, call: AccountCall<SupabaseSession>) =>
      flowOf(
        (signal) => run(service, runsOf(call.account.credential.userId), request, { ...call, signal }),
        call.signal,
      ),
  }
}

interface AccountLimits {
  readonly min: number
  readonly max: number
}

function supplyOf(project: SupabaseProject, bounds: AccountLimits): Supply<SupabaseSession> {
  const signUps = new SignUps()
  return {
    ...bounds,
    renewal: supabaseRenewal(project),
    async create(signal) {
      signUps.take(signal.runtime.now())
      return signUpAnonymously(project, signal)
    },
  }
}

/** Limit for the remembered users. A lost account is replaced by another and never comes back. */
const maxUsers = 256

function runsByUser(): (userId: string) => AccountRuns {
  const known = new Map<string, AccountRuns>()
  return (userId) => {
    const runs = known.get(userId) ?? new AccountRuns()
    known.set(userId, runs)
    if (known.size > maxUsers) for (const [id, { isIdle }] of known) if (isIdle && id !== userId) known.delete(id)
    return runs
  }
}

/** Limit for the accounts: as many as the service makes in an hour. */
const maxAccounts = 30

function boundsIn(variables: Variables): AccountLimits {
  const min = variables.integer('MIN_CREDENTIALS', { fallback: 5, min: 0, max: maxAccounts })
  const max = variables.integer('MAX_CREDENTIALS', { fallback: 10, min: 1, max: maxAccounts })
  if (min > max)
    variables.report({
      variable: 'MIN_CREDENTIALS',
      problem: 'is more than MAX_CREDENTIALS',
      remedy: `at most ${max}, or raise MAX_CREDENTIALS`,
    })
  return { min, max }
}

/** Known models: upstreams 3.4. The first one is the site's default. */
const knownModels = [
  'gpt-4o-mini',
  'gpt-4o',
  'gpt-5',
  'gpt-5-mini',
  'gpt-5-nano',
  'gpt-4.5-preview',
  'gpt-4.1',
  'gpt-4.1-mini',
  'gpt-4.1-nano',
  'o1',
  'o1-mini',
  'o3',
  'o3-mini',
  'o4-mini',
  'gpt-4-turbo',
  'gpt-4',
  'gpt-3.5-turbo',
]
