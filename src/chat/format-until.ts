/** The latest time that a `Date` can hold. ECMA-262, section 21.4.1.1 */
const latestMs = 8.64e15
const dayMs = 86_400_000

/**
 * A time as people read it: `14:05 UTC`, with seconds if it is soon, and with the date if it is not today.
 * @param until milliseconds since 1970
 */
export function formatUntil(until: number, now: number): string {
  const text = new Date(Math.min(until, latestMs)).toISOString()
  const isToday = Math.floor(until / dayMs) === Math.floor(now / dayMs)
  const time = until - now < 120_000 ? text.slice(11, 19) : text.slice(11, 16)
  return `${isToday ? '' : `${text.slice(0, 10)} `}${time} UTC`
}
