/** A time for people in any place: `2026-11-30 02:10 UTC`. @param ms milliseconds since 1970 */
export function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
