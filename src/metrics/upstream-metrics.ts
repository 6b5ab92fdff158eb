import type { ModelQuota } from '../accounts/account-quota.ts'
import type { SourcedAccount, UpstreamStatus } from '../gateway/inspect.ts'
import { type Family, gauge, type Sample } from './family.ts'
import { other } from './rows.ts'

/** Limits for the accounts that are shown one by one, for the models of an upstream that are not good, and for a text. */
const maxAccounts = 300
const maxModels = 32
const maxLength = 200

const healthStates = ['good', 'mistrusted', 'ejected'] as const

/** What is looked at of an upstream. */
interface ShownUpstream extends Pick<UpstreamStatus, 'name' | 'runningCalls'> {
  readonly accounts: readonly ShownAccount[]
  readonly retryBudget: Pick<UpstreamStatus['retryBudget'], 'left'>
  readonly models: Pick<UpstreamStatus['models'], 'count'>
  readonly health: Pick<UpstreamStatus['health'], 'state'> & {
    readonly models: readonly Pick<UpstreamStatus['health']['models'][number], 'model' | 'state'>[]
  }
}

type ShownAccount = Pick<SourcedAccount, 'label' | 'state' | 'endsAt' | 'renewal' | 'quota'>

/** What is known of the upstreams and their accounts at the moment. */
export function upstreamFamilies(upstreams: readonly ShownUpstream[]): readonly Family[] {
  const each = (value: (upstream: ShownUpstream) => number): Sample[] =>
    upstreams.map((upstream) => ({ labels: { upstream: upstream.name }, value: value(upstream) }))
  const accounts = upstreams
    .flatMap(({ name, accounts: own }) => own.map((account) => ({ upstream: name, account })))
    .slice(0, maxAccounts)
  return [
    gauge('tributary_upstream_state', upstreams.flatMap(stateOf)),
    gauge('tributary_model_state', upstreams.flatMap(modelStatesOf)),
    gauge(
      'tributary_upstream_running_calls',
      each(({ runningCalls }) => runningCalls),
    ),
    gauge(
      'tributary_upstream_models',
      each(({ models }) => models.count),
    ),
    gauge(
      'tributary_retry_budget_left',
      each(({ retryBudget }) => retryBudget.left),
    ),
    gauge('tributary_accounts', upstreams.flatMap(accountCounts)),
    gauge('tributary_account_state', accounts.flatMap(accountState)),
    gauge('tributary_account_credential_expiry_timestamp_seconds', accounts.flatMap(credentialEnd)),
    gauge('tributary_account_limit', accounts.flatMap(limitsOf('limit'))),
    gauge('tributary_account_limit_remaining', accounts.flatMap(limitsOf('remaining'))),
  ]
}

interface NamedAccount {
  readonly upstream: string
  readonly account: ShownAccount
}

function stateOf({ name: upstream, health }: ShownUpstream): Sample[] {
  return healthStates.map((state) => ({ labels: { upstream, state }, value: health.state === state ? 1 : 0 }))
}

function modelStatesOf({ name: upstream, health }: ShownUpstream): Sample[] {
  return health.models
    .filter(({ model }) => model.length <= maxLength)
    .slice(0, maxModels)
    .map(({ model, state }) => ({ labels: { upstream, model, state }, value: 1 }))
}

/** How many accounts of an upstream are in each state. `ok` is always there, so that its 0 is seen. */
function accountCounts({ name: upstream, accounts }: ShownUpstream): Sample[] {
  const counts = new Map<string, number>([['ok', 0]])
  for (const { state } of accounts) counts.set(state.kind, (counts.get(state.kind) ?? 0) + 1)
  return [...counts].map(([state, value]) => ({ labels: { upstream, state }, value }))
}

function accountState({ upstream, account: { label, state } }: NamedAccount): Sample[] {
  return state.kind === 'ok' ? [] : [{ labels: { upstream, account: shown(label), state: state.kind }, value: 1 }]
}

function credentialEnd({ upstream, account }: NamedAccount): Sample[] {
  const endsAt = account.endsAt ?? account.renewal?.expiresAt
  if (endsAt === undefined) return []
  const renewed = String(account.endsAt === undefined)
  return [{ labels: { upstream, account: shown(account.label), renewed }, value: endsAt / 1000 }]
}

/** The limits that an upstream has stated last, whatever the model was: of several, the one with the least left. */
function limitsOf(what: 'limit' | 'remaining'): (named: NamedAccount) => Sample[] {
  return ({ upstream, account: { label, quota = [] } }) => {
    const least = new Map<string, Sample>()
    for (const { unit, scope, ...numbers } of quota.flatMap(({ windows }: ModelQuota) => windows)) {
      const value = numbers[what]
      const known = least.get(`${unit} ${scope}`)
      if (value === undefined || (known && known.value <= value)) continue
      least.set(`${unit} ${scope}`, { labels: { upstream, account: shown(label), unit, scope: shown(scope) }, value })
    }
    return [...least.values()].slice(0, maxModels)
  }
}

function shown(text: string): string {
  return text.length > maxLength ? other : text
}
