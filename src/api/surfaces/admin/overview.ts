import type { Need } from '../../../needs/need.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import type { Services } from '../../exchange/services.ts'
import { encodeLastHour } from './statistics.ts'

/** `GET /admin/overview` */
export const showOverview = answerJson((_request, { signal }, services) => ({
  body: { now: timeOf(signal.runtime.now()), ...encodeOverview(services) },
}))

/** What the operator sees first, without the time. */
export function encodeOverview({ version, startedAt, needs, gateway, tools, clientKeys }: Services) {
  const { calls, upstreams } = gateway.inspect()
  return {
    version,
    started_at: timeOf(startedAt),
    needs: needs.list().map(encodeNeed),
    last_hour: encodeLastHour(gateway.lastHour()),
    calls,
    counts: {
      upstreams: upstreams.length,
      accounts: upstreams.reduce((sum, { accounts }) => sum + accounts.length, 0),
      tool_servers: tools.servers().filter(({ transport }) => transport !== 'builtin').length,
      keys: clientKeys.callers().length,
    },
  }
}

function encodeNeed({ about, since, until, facts = {}, ...need }: Need) {
  return {
    id: need.id,
    kind: need.kind,
    severity: need.severity,
    since: timeOf(since),
    until: until === undefined ? null : timeOf(until),
    upstream: about.upstream ?? null,
    account: about.account ?? null,
    model: about.model ?? null,
    tool_server: about.toolServer ?? null,
    key: about.key ?? null,
    variable: about.variable ?? null,
    request: need.request ?? null,
    why: need.why ?? null,
    facts,
  }
}

/** The latest time of a `Date`. */
const latestMs = 8.64e15

export function timeOf(ms: number): string {
  return new Date(Math.min(ms, latestMs)).toISOString()
}
