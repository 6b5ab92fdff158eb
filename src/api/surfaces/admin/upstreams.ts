import { ChatError } from '../../../chat/error.ts'
import type { Finding } from '../../../gateway/examine.ts'
import type { Examiner, UpstreamState } from '../../../gateway/examiner.ts'
import type { Calls } from '../../exchange/calls.ts'
import { type Exchange, jsonResponse } from '../../exchange/exchange.ts'
import type { Route } from '../../route.ts'

export interface Admin {
  readonly examiner: Examiner
  readonly calls: Calls
  /** Whether clients need a key: then the door has seen it. */
  readonly hasKeys: boolean
}

/** The operator's routes: how the upstreams and their accounts are, and whether they work. */
export function adminRoutes(admin: Admin): readonly Route[] {
  return [
    { method: 'GET', path: '/admin/upstreams', answer: (exchange) => listUpstreams(exchange, admin) },
    { method: 'POST', path: '/admin/upstreams/*', answer: (exchange) => testUpstream(exchange, admin) },
  ]
}

function listUpstreams(exchange: Exchange, admin: Admin): Response {
  refuseStrangers(exchange, admin)
  return jsonResponse(exchange, { object: 'list', data: admin.examiner.list().map(encodeUpstream) })
}

async function testUpstream(exchange: Exchange, admin: Admin): Promise<Response> {
  refuseStrangers(exchange, admin)
  const [, name = ''] = /^\/admin\/upstreams\/([a-z0-9-]+)\/test$/.exec(exchange.path) ?? []
  // an account may be silent for longer than a connection
  const { close } = admin.calls.open(exchange)
  try {
    const findings = await admin.examiner.test(name)
    if (!findings)
      throw new ChatError('not-found', {
        message:
          'There is no such upstream. POST /admin/upstreams/NAME/test tries one of those that GET /admin/upstreams lists.',
      })
    return jsonResponse(exchange, { upstream: name, accounts: findings.map(encodeFinding) })
  } finally {
    close()
  }
}

const ownNames = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i

/**
 * Where no key is asked for, only this machine's own programs are answered: not who comes through a proxy on it, which
 * says so, and not under any other name. The door has judged the `Origin`.
 */
function refuseStrangers({ request, address }: Exchange, { hasKeys }: Admin): void {
  if (hasKeys) return
  const isForwarded = ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'].some((name) => request.headers.has(name))
  const isOwn = /^(127\.\d+\.\d+\.\d+|::1)$/.test(address) && ownNames.test(request.headers.get('host') ?? '')
  if (isOwn && !isForwarded) return
  throw new ChatError('forbidden', {
    message: 'Without an API key this path answers the programs of its own machine only. Set API_MASTER_KEY.',
    code: 'admin_local_only',
  })
}

function encodeUpstream({ name, address, accounts }: UpstreamState) {
  return {
    name,
    address: address ?? null,
    accounts: accounts.map(({ label, state }) => ({
      label,
      state: state.kind,
      until: 'until' in state ? new Date(state.until).toISOString() : null,
      why: 'why' in state ? state.why : null,
    })),
  }
}

function encodeFinding({ account, model, tookMs, error }: Finding) {
  return {
    account,
    works: error === undefined,
    model: model ?? null,
    took_ms: tookMs,
    error: error
      ? { reason: error.reason, code: error.code, message: error.message, retry_after_ms: error.retryAfterMs ?? null }
      : null,
  }
}
