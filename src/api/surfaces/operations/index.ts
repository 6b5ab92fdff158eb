import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import { errorSchema } from '../../../dialects/openai-chat/error-schema.ts'
import type { UpstreamStatus } from '../../../gateway/inspect.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import { shuttingDown } from '../../exchange/shutting-down.ts'
import type { Surface } from '../surface.ts'
import { schemas } from './schemas.ts'

const reportHealth = answerJson((_request, _call, { version }) => ({ body: { status: 'ok', version } }))

/** The response names no file and no upstream, because the route needs no key. The log has the details. */
const reportReadiness = answerJson((_request, _call, { gateway, isStateWell, tools, phase }) => {
  if (phase() === 'leaving' || phase() === 'draining') throw shuttingDown()
  const isWell = isStateWell()
  const { upstreams } = gateway.inspect()
  const supply = supplyOf(upstreams)
  const shortage = gateway.shortage()
  const body = {
    status: shortage ? 'overloaded' : isWell && supply.upstreams === 'ok' ? 'ready' : 'degraded',
    state: isWell ? 'ok' : 'failing',
    ...supply,
    accounts: accountsOf(upstreams),
    drift: upstreams.some(({ drift }) => drift.length > 0) ? 'seen' : 'none',
    // what the process has too little of
    load: shortage ?? 'ok',
    // a failed tool server is not a reason to send requests elsewhere
    tools: Object.fromEntries(tools.servers().map(({ name, status }) => [name, status])),
  }
  return { body, status: shortage ? 503 : 200 }
})

/** Whether any upstream can answer. If all that work are used up, it says until when. */
function supplyOf(all: readonly UpstreamStatus[]): { readonly upstreams: string; readonly until?: string } {
  const working = all.filter(({ health }) => health.state !== 'ejected')
  if (all.length === 0 || working.some(({ usedUp }) => usedUp === undefined)) return { upstreams: 'ok' }
  if (working.length === 0) return { upstreams: 'failing' }
  const until = Math.min(...working.map(({ usedUp }) => usedUp?.until ?? 0))
  return { upstreams: 'used up', until: new Date(until).toISOString() }
}

const showMetrics = answerJson(async ({ header }, _call, { metrics }) => {
  const { text, type } = await metrics.write(header('accept'))
  // who stores it must ask again: it changes all the time, and depends on the header
  return { body: new Blob([text]), type, headers: { 'cache-control': 'no-store', vary: 'accept' } }
})

/** How many of the accounts may be asked: in words, because the number is nobody's business. */
function accountsOf(all: readonly UpstreamStatus[]): 'ok' | 'some' | 'none' {
  const accounts = all.flatMap((upstream) => upstream.accounts)
  const usable = accounts.filter(({ state }) => state.kind === 'ok' || state.kind === 'refreshing')
  if (usable.length === accounts.length) return 'ok'
  return usable.length > 0 ? 'some' : 'none'
}

const showOpenApi = answerJson((_request, _call, { openapi }) => ({ body: openapi() }))

const open = { access: 'open', cors: false } as const

/** Routes for those who operate the gateway, and for their monitoring. */
export const surface: Surface = {
  name: 'operations',
  error: encodeFailure,
  failure: 'Error',
  schemas: { ...schemas, Error: errorSchema },
  routes: [
    {
      ...open,
      method: 'GET',
      path: '/health',
      isLast: true,
      summary: 'Reports that the program runs',
      gives: 'Health',
      handler: reportHealth,
    },
    {
      ...open,
      method: 'GET',
      path: '/ready',
      isLast: true,
      summary: 'Reports whether it accepts requests, and the state of its parts',
      gives: 'Readiness',
      answers: { 503: 'Readiness' },
      fails: ['unavailable'],
      handler: reportReadiness,
    },
    {
      access: 'admin',
      cors: false,
      method: 'GET',
      path: '/metrics',
      // a shutdown is worth seeing too
      isLast: true,
      summary: 'Shows the metrics, in the text format of Prometheus or as OpenMetrics',
      givesText: ['text/plain', 'application/openmetrics-text'],
      handler: showMetrics,
    },
    {
      // strangers may not read it, and no browser page of another origin needs it
      access: 'client',
      cors: false,
      method: 'GET',
      path: '/openapi.json',
      summary: 'Describes every route, and what it takes and gives',
      gives: 'OpenApi',
      handler: showOpenApi,
    },
  ],
}
