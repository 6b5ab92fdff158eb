import { ChatError } from '../../../chat/error.ts'
import type { QuotaWindow } from '../../../chat/quota.ts'
import type { NotedDrift } from '../../../gateway/drift-log.ts'
import type { Finding } from '../../../gateway/examine.ts'
import type { BreakerStatus } from '../../../gateway/health/upstream-health.ts'
import type { GatewayStatus, UpstreamStatus } from '../../../gateway/inspect.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import { encodeAccountStats, encodeUpstreamStats } from './statistics.ts'

/** `GET /admin/upstreams` */
export const listUpstreams = answerJson((_request, _call, { gateway }) => {
  const { calls, upstreams, available } = gateway.inspect()
  const data = upstreams.map(encodeUpstream)
  return { body: { object: 'list', calls, data, available: available.map(encodeAvailable) } }
})

/** `POST /admin/upstreams/{name}/test` */
export const testUpstream = answerJson(async (request, _call, { gateway: { examiner } }) => {
  const name = request.param('name') ?? ''
  const findings = await examiner.test(name)
  if (!findings)
    throw new ChatError('not-found', {
      message:
        'There is no such upstream. POST /admin/upstreams/NAME/test tries one of those that GET /admin/upstreams lists.',
    })
  return { body: { upstream: name, accounts: findings.map(encodeFinding) } }
})

/** `DELETE /admin/upstreams/{name}/drift` */
export const forgetDrift = answerJson((request, _call, { gateway }) => {
  const name = request.param('name') ?? ''
  if (!gateway.catalog.upstreamNames.has(name))
    throw new ChatError('not-found', {
      message: 'There is no such upstream. GET /admin/upstreams lists those that exist.',
    })
  return { body: { upstream: name, forgotten: gateway.drifts.forget(name) } }
})

function encodeUpstream({ accounts, models, retryBudget, health, usedUp, stats, drift, ...upstream }: UpstreamStatus) {
  return {
    name: upstream.name,
    provider: upstream.provider ?? null,
    address: upstream.address ?? null,
    host: upstream.host ?? null,
    running_calls: upstream.runningCalls,
    retry_budget: retryBudget,
    models: {
      count: models.count,
      known: models.isKnown,
      fixed: models.isFixed,
      age_ms: models.ageMs === undefined ? null : Math.round(models.ageMs),
    },
    terms: upstream.terms ? encodeTerms(upstream.terms) : null,
    is_web_product: upstream.isWebProduct,
    credential: upstream.credential ?? null,
    used_up: usedUp ? { until: encodeTime(usedUp.until), models: usedUp.models ?? null } : null,
    accounts: accounts.map(encodeAccount),
    stats: encodeUpstreamStats(stats),
    drift: drift.map(encodeDrift),
    breaker: {
      ...encodeBreaker(health),
      models: health.models.map(({ model, ...status }) => ({ model, ...encodeBreaker(status) })),
    },
  }
}

function encodeDrift({ firstAt, lastAt, request, ...drift }: NotedDrift) {
  return { ...drift, request: request ?? null, first_at: encodeTime(firstAt), last_at: encodeTime(lastAt) }
}

function encodeBreaker({ state, ejectedForMs }: BreakerStatus) {
  return { state, ejected_ms: Math.ceil(ejectedForMs) }
}

function encodeAvailable({ variable, upstream, provider, kind }: GatewayStatus['available'][number]) {
  return { variable, upstream: upstream ?? null, provider, kind }
}

function encodeTerms({ readOn, automation, sharing, severalAccounts, training }: NonNullable<UpstreamStatus['terms']>) {
  return {
    read_on: readOn,
    automation: encodeClause(automation),
    sharing: encodeClause(sharing),
    several_accounts: encodeClause(severalAccounts),
    training: encodeClause(training),
  }
}

function encodeClause({ stand, source, note }: NonNullable<UpstreamStatus['terms']>['training']) {
  return { stand, source: source ?? null, note: note ?? null }
}

/** An account in the form of the admin API. */
export function encodeAccount(account: UpstreamStatus['accounts'][number]) {
  const { label, source, variable, state, renewal, endsAt, stats, quota = [] } = account
  return {
    label,
    source,
    variable: variable ?? null,
    state: state.kind,
    until: 'until' in state ? encodeTime(state.until) : null,
    why: 'why' in state ? state.why : null,
    models: 'models' in state ? state.models : null,
    expires_at: encodeTime(renewal?.expiresAt ?? endsAt),
    renewed_at: encodeTime(renewal?.renewedAt),
    quota: quota.flatMap(({ model, windows }) => windows.map((window) => ({ model, ...encodeWindow(window) }))),
    stats: encodeAccountStats(stats),
  }
}

function encodeWindow({ unit, scope, limit, remaining, lengthMs, resetAt }: QuotaWindow) {
  return {
    unit,
    scope,
    limit: limit ?? null,
    remaining: remaining ?? null,
    window_ms: lengthMs ?? null,
    reset_at: encodeTime(resetAt),
  }
}

/** The latest time of a `Date`. */
const latestMs = 8.64e15

function encodeTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(Math.min(ms, latestMs)).toISOString()
}

/** The result of a test in the form of the admin API. */
export function encodeFinding({ account, model, tookMs, error, quota }: Finding) {
  return {
    account,
    works: error === undefined,
    model: model ?? null,
    took_ms: tookMs,
    quota: quota.map(encodeWindow),
    error: error
      ? { reason: error.reason, code: error.code, message: error.message, retry_after_ms: error.retryAfterMs ?? null }
      : null,
  }
}
