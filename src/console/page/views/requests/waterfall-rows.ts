import type { ListedRequest, Timeline } from './types.ts'

/** A bar of the waterfall, in milliseconds after the request came in. */
export interface WaterfallRow {
  readonly kind: 'queue' | 'attempt' | 'seam' | 'whole'
  readonly startMs: number
  /** Where the wait ends and the stream begins; undefined if nothing came. */
  readonly firstEventMs: number | undefined
  readonly endMs: number
  /** `upstream / account`, as far as they are known. */
  readonly who: string
  readonly outcome: string | undefined
}

type Timed = Pick<ListedRequest, 'first_event_ms' | 'duration_ms' | 'outcome'> & {
  readonly timeline?: Timeline | null
}

const maxRows = 200

/** What happened to a request, in the order of its time. The last row is the whole of it. */
export function rowsOf({ timeline, first_event_ms, duration_ms, outcome }: Timed): readonly WaterfallRow[] {
  const { queued_ms = 0, attempts = [], seams = [] } = timeline ?? {}
  const steps: WaterfallRow[] = [
    ...attempts.map((attempt) => ({
      kind: 'attempt' as const,
      startMs: attempt.start_ms,
      firstEventMs: attempt.first_event_ms ?? undefined,
      endMs: Math.max(attempt.start_ms, attempt.end_ms ?? duration_ms),
      who: [attempt.upstream, attempt.account, attempt.model].filter((part) => part).join(' · '),
      outcome: attempt.outcome ?? undefined,
    })),
    ...seams.map(({ at_ms, upstream, from }) => ({
      ...{ kind: 'seam' as const, startMs: at_ms, firstEventMs: undefined, endMs: at_ms, outcome: undefined },
      who: [from, upstream].filter((part) => part).join(' → '),
    })),
  ]
  const queue = { kind: 'queue', startMs: 0, firstEventMs: undefined, endMs: queued_ms ?? 0, who: '' } as const
  const whole = { kind: 'whole', startMs: 0, endMs: duration_ms, who: '', outcome } as const
  return [
    ...(queued_ms ? [{ ...queue, outcome: undefined }] : []),
    ...steps.sort((a, b) => a.startMs - b.startMs).slice(0, maxRows),
    { ...whole, firstEventMs: first_event_ms ?? undefined },
  ]
}

/** The time at which the last row ends, in milliseconds. */
export function endOf(rows: readonly WaterfallRow[]): number {
  return Math.max(1, ...rows.map(({ endMs }) => endMs))
}
