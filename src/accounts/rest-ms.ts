const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/**
 * Milliseconds that an account rests if its upstream sent no time (reliability, section 3). @param failures since its
 * last success
 */
export function restMs(
  kind: 'cooling' | 'exhausted' | 'challenged' | 'refused',
  failures: number,
  now: number,
): number {
  switch (kind) {
    case 'cooling':
      return Math.min(30_000 * 2 ** (failures - 1), 5 * minuteMs)
    case 'exhausted':
      return dayMs - (now % dayMs)
    case 'challenged':
      return Math.min(15 * minuteMs * 2 ** (failures - 1), dayMs)
    case 'refused':
      return 10 * minuteMs
  }
}
