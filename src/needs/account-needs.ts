import { byOperator } from '../accounts/rest.ts'
import type { SourcedAccount, UpstreamStatus } from '../gateway/inspect.ts'
import { namesOf, timeOf } from './facts.ts'
import type { FoundNeed, NeedKind, Severity } from './need.ts'

/** Milliseconds before its end at which a session needs a new one. */
const soonMs = 86_400_000
/** A rest that the gateway set after a single failure is often over by itself. Milliseconds */
const passingMs = 30_000
const longRestMs = 60_000

type State = SourcedAccount['state']

const kinds = {
  'needs-login': 'account_needs_login',
  banned: 'account_banned',
  refused: 'account_refused',
  challenged: 'account_challenged',
  exhausted: 'account_exhausted',
  cooling: 'account_resting',
} as const satisfies Partial<Record<State['kind'], NeedKind>>

/** The accounts of an upstream that cannot be used, or soon cannot. */
export function findAccountNeeds(upstream: UpstreamStatus, now: number): readonly FoundNeed[] {
  return upstream.accounts.flatMap((account) => [
    ...findState(upstream, account, now),
    ...findEnd(upstream.name, account, now),
  ])
}

function findState(upstream: UpstreamStatus, account: SourcedAccount, now: number): readonly FoundNeed[] {
  const { state, label, said, variable } = account
  if (!('why' in state)) return []
  const isLimit = (state.kind === 'exhausted' || state.kind === 'cooling') && state.why !== byOperator
  // the upstream as a whole needs somebody then
  if (isLimit && upstream.usedUp) return []
  const usable = upstream.accounts.filter((other) => other !== account && isUsable(other)).length
  const { until, models } = 'until' in state ? state : { until: undefined, models: undefined }
  // a rest has a code, and the others have a sentence
  const words = until === undefined ? { why: state.why, code: null } : { why: said, code: state.why }
  if (until !== undefined && until <= now) return []
  return [
    {
      kind: kinds[state.kind],
      severity: severityOf(state, usable),
      about: { upstream: upstream.name, account: label, variable },
      until,
      why: words.why,
      facts: { accounts: upstream.accounts.length, usable, models: namesOf(models), code: words.code },
      ...(state.kind === 'cooling' && (until ?? 0) - now < longRestMs && { settlesWithinMs: passingMs }),
    },
  ]
}

/** An account that rests with some models serves the others. */
function isUsable({ state }: SourcedAccount): boolean {
  return state.kind === 'ok' || state.kind === 'refreshing' || ('models' in state && state.models !== undefined)
}

function severityOf(state: State, usable: number): Severity {
  const isPart = 'models' in state && state.models !== undefined
  if (usable === 0 && !isPart) return 'urgent'
  return state.kind === 'cooling' || state.kind === 'exhausted' ? 'note' : 'warning'
}

function findEnd(
  upstream: string,
  { label, state, endsAt, variable }: SourcedAccount,
  now: number,
): readonly FoundNeed[] {
  const isDead = state.kind === 'needs-login' || state.kind === 'banned'
  if (endsAt === undefined || endsAt - now > soonMs || isDead) return []
  return [
    {
      kind: 'account_expires_soon',
      severity: 'warning',
      about: { upstream, account: label, variable },
      until: endsAt,
      facts: { expires_at: timeOf(endsAt) },
    },
  ]
}
