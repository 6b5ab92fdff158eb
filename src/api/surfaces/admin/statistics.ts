import type { AccountStats, UpstreamStats } from '../../../gateway/requests/attempt-counts.ts'
import type { LastHour } from '../../../gateway/requests/statistics.ts'

export function encodeLastHour({ minutes, ...hour }: LastHour) {
  return {
    requests: hour.requests,
    failed: hour.failed,
    client_left: hour.clientLeft,
    first_event_ms: hour.firstEventMs ?? null,
    input_tokens: hour.inputTokens,
    output_tokens: hour.outputTokens,
    cost_usd: hour.cost ?? null,
    minutes: minutes.map(({ at, requests, failed }) => ({ at: timeOf(at), requests, failed })),
  }
}

export function encodeUpstreamStats({ minutes, firstEventMs, ...stats }: UpstreamStats) {
  return {
    ...encodeAccountStats(stats),
    first_event_ms: firstEventMs ?? null,
    minutes: minutes.map((minute) => ({
      at: timeOf(minute.at),
      requests: minute.requests,
      failed: minute.failed,
      first_event_ms: minute.firstEventMs ?? null,
    })),
  }
}

export function encodeAccountStats({ requests, failed, lastSuccessAt }: AccountStats) {
  return { requests, failed, last_success_at: lastSuccessAt === undefined ? null : timeOf(lastSuccessAt) }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
