/** The latest time of a `Date`. */
const latestMs = 8.64e15

/** A time in the form of ISO 8601. @param ms milliseconds since 1970 */
export function timeOf(ms: number): string {
  return new Date(Math.min(ms, latestMs)).toISOString()
}
