/** One limit of an upstream, as far as it has told us. */
export interface QuotaWindow {
  readonly unit: 'requests' | 'tokens'
  /** The upstream's own words for what is limited beside the unit, such as `input` or `day`; mostly empty. */
  readonly scope: string
  readonly limit: number | undefined
  readonly remaining: number | undefined
  /** Milliseconds from one reset to the next, if the upstream says it. */
  readonly lengthMs: number | undefined
  /** When the limit is whole again, in milliseconds since 1970. */
  readonly resetAt: number | undefined
  /** Whether it fills up gradually, so that a little of it is there long before the reset. */
  readonly isGradual: boolean
}

/** What one reply said of the limits of its account. It is read when somebody looks, because nearly nobody does. */
export interface QuotaReport {
  /** When the reply came, in milliseconds since 1970. */
  readonly receivedAt: number
  /** Whether one of the limits may be used up. This is cheap, and true rather too often. */
  readonly mayBeUsedUp: boolean
  windows(): readonly QuotaWindow[]
}

/** Gets what a reply said of its account's limits. */
export type NoteQuota = (report: QuotaReport) => void

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** When a used-up limit is there again. */
interface LimitEnd {
  readonly window: QuotaWindow
  /** When the limit is whole again, in milliseconds since 1970. */
  readonly until: number
  /**
   * From this time on a request may be tried all the same, in milliseconds since 1970: after a minute if the limit fills up
   * gradually, otherwise after an hour, and at once if the upstream states no reset.
   */
  readonly notBefore: number
}

/** The used-up limit that lasts longest; undefined if something is left of each. @param now milliseconds since 1970 */
export function lastToEnd(windows: readonly QuotaWindow[], now: number): LimitEnd | undefined {
  const ends = windows.filter(isUsedUp).map((window) => endOf(window, now))
  const [last] = ends.toSorted((a, b) => b.until - a.until)
  if (!last || last.until <= now) return undefined
  return { ...last, notBefore: Math.max(...ends.map(({ notBefore }) => notBefore)) }
}

/** A limit of 0 means an unused header more often than an account without any allowance, which is refused anyway. */
function isUsedUp({ limit, remaining }: QuotaWindow): boolean {
  return remaining === 0 && limit !== 0
}

function endOf(window: QuotaWindow, now: number): LimitEnd {
  const { resetAt, lengthMs = minuteMs, isGradual } = window
  if (resetAt === undefined) return { window, until: now + lengthMs, notBefore: Number.NEGATIVE_INFINITY }
  return { window, until: resetAt, notBefore: Math.min(resetAt, now + (isGradual ? minuteMs : hourMs)) }
}
