import type { ConversationUsage } from '../../../gateway/requests/conversation-usage.ts'
import type { RecentRequest } from '../../../gateway/requests/recent-requests.ts'
import type { RecordedTexts } from '../../../gateway/requests/text-recorder.ts'

interface Belongings {
  readonly used: ConversationUsage | undefined
  readonly texts: RecordedTexts | undefined
}

/** A request with all that is known of it. */
export function encodeWhole(request: RecentRequest, { used, texts }: Belongings) {
  return {
    ...encodeRequest(request),
    ...encodeDetails(request),
    conversation: used ? encodeConversation(used) : null,
    texts: texts ? { request: texts.request, answer: texts.answer, is_cut: texts.isCut } : null,
  }
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
export function encodeTimeline({ timeline, queuedMs = 0, seams, begunAt }: RecentRequest) {
  const since = (at: number) => Math.round(at - begunAt)
  return {
    queued_ms: Math.round(queuedMs),
    attempts: timeline.map(({ upstream, account, model, startedAt, firstAt, endedAt, outcome, hashes }) => ({
      ...{ upstream, account: account ?? null, model, start_ms: since(startedAt) },
      first_event_ms: firstAt === undefined ? null : since(firstAt),
      end_ms: endedAt === undefined ? null : since(endedAt),
      outcome: outcome ?? null,
      hashes: hashes ?? null,
    })),
    seams: seams.map(({ at, to, from, after, way }) => ({
      ...{ at_ms: since(at), upstream: to, from: from ?? null, after, way },
    })),
  }
}
