/** Returns milliseconds since 1970, to the microsecond. All processes of a run share this clock. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now()
}
