import { ChatError } from '../../../chat/error.ts'
import type { ConversationUsage } from '../../../gateway/requests/conversation-usage.ts'
import { maxRecent, type RecentRequest, type RequestFilter } from '../../../gateway/requests/recent-requests.ts'
import { answerJson, type JsonRequest } from '../../exchange/answer-json.ts'
import type { SurfaceRoute } from '../surface.ts'

const shared = { method: 'GET', access: 'admin', cors: false } as const

/** The routes for the last requests. They have no text of any request or answer. */
export const requestRoutes: readonly SurfaceRoute[] = [
  {
    ...shared,
    path: '/admin/requests',
    summary: 'Lists the last requests, the newest first',
    gives: 'RequestList',
    handler: answerJson((request, _call, { gateway: { requests } }) => ({
      body: { object: 'list', data: requests.list(filterIn(request)).map(encodeRequest) },
    })),
  },
  {
    ...shared,
    path: '/admin/requests/{id}',
    summary: 'Shows one of the last requests, and what its conversation used',
    gives: 'RequestDetails',
    handler: answerJson((request, _call, { gateway: { requests } }) => {
      const found = requests.find(request.param('id') ?? '')
      if (!found) throw unknownRequest()
      const used = requests.conversation(found)
      return {
        body: {
          ...encodeRequest(found),
          ...encodeDetails(found),
          conversation: used ? encodeConversation(used) : null,
        },
      }
    }),
  },
]

const usualLimit = 100

/** @throws ChatError `invalid-request` */
function filterIn(request: JsonRequest): RequestFilter {
  const limit = request.query('limit') ?? String(usualLimit)
  const count = /^\d{1,4}$/.test(limit) ? Number(limit) : 0
  if (count < 1 || count > maxRecent)
    throw new ChatError('invalid-request', {
      message: `limit: must be a number from 1 to ${maxRecent}. That many of the last requests are kept.`,
      param: 'limit',
      code: 'invalid_value',
    })
  const [key, model, upstream, outcome] = ['key', 'model', 'upstream', 'outcome'].map((name) => request.query(name))
  return { limit: count, key, model, upstream, outcome }
}

function unknownRequest(): ChatError {
  return new ChatError('not-found', {
    message: `There is no such request among the last ${maxRecent}. GET /admin/requests lists them.`,
  })
}

/** As the list has it. */
export function encodeRequest({ usage, ...request }: RecentRequest) {
  return {
    id: request.id,
    time: new Date(request.startedAt).toISOString(),
    key: request.key,
    surface: request.surface ?? null,
    task: request.task,
    model: request.model,
    upstream: request.upstream ?? null,
    account: request.account ?? null,
    outcome: request.outcome,
    attempts: request.attempts,
    first_event_ms: request.firstEventMs === undefined ? null : Math.round(request.firstEventMs),
    duration_ms: Math.round(request.durationMs),
    input_tokens: usage?.inputTokens ?? null,
    cached_tokens: usage?.cachedInputTokens ?? null,
    cache_write_tokens: usage?.cacheWriteTokens ?? null,
    output_tokens: usage?.outputTokens ?? null,
    cost_usd: request.cost ?? null,
    continued: request.seams.length,
    cache_broken_at: request.cacheBrokenAt ?? null,
  }
}

function encodeDetails(request: RecentRequest) {
  const { usage, saved, isHedged, tools, lost, parameters, hops, replyBytes } = request
  return {
    timeline: encodeTimeline(request),
    saved_usd: saved ?? null,
    reasoning_tokens: usage?.reasoningTokens ?? null,
    usage_source: usage?.source ?? null,
    reply_bytes: replyBytes > 0 ? replyBytes : null,
    hedged: isHedged,
    hops,
    tools,
    parameters: Object.fromEntries(parameters),
    lost,
  }
}

function encodeConversation({ id, ...used }: ConversationUsage) {
  return {
    id,
    requests: used.requests,
    input_tokens: used.inputTokens,
    cached_tokens: used.cachedInputTokens,
    missed_tokens: used.inputTokens - used.cachedInputTokens,
    cache_write_tokens: used.cacheWriteTokens,
    output_tokens: used.outputTokens,
    cost_usd: used.cost ?? null,
    saved_usd: used.saved ?? null,
    cache_breaks: used.breaks,
  }
}

/** Times from the beginning of the request. */
function encodeTimeline({ timeline, queuedMs = 0, seams, begunAt }: RecentRequest) {
  const since = (at: number) => Math.round(at - begunAt)
  return {
    queued_ms: Math.round(queuedMs),
    attempts: timeline.map(({ upstream, account, model, startedAt, firstAt, endedAt, outcome }) => ({
      ...{ upstream, account: account ?? null, model, start_ms: since(startedAt) },
      first_event_ms: firstAt === undefined ? null : since(firstAt),
      end_ms: endedAt === undefined ? null : since(endedAt),
      outcome: outcome ?? null,
    })),
    seams: seams.map(({ at, to, from, after, way }) => ({
      ...{ at_ms: since(at), upstream: to, from: from ?? null, after, way },
    })),
  }
}
