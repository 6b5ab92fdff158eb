/** Milliseconds since the epoch with a fraction of microseconds: one clock for all processes of a run. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now()
}
