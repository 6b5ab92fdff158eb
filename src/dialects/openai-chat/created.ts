/** A larger number, beyond the year 5138, cannot be in seconds. */
const maxSeconds = 100_000_000_000

/** Reads a reply's `created` as whole seconds. Some upstreams send a fraction, a text, milliseconds or smaller units. Returns undefined for anything else. */
export function secondsIn(created: unknown): number | undefined {
  const time = typeof created === 'string' && /^\d{1,19}(\.\d{1,9})?$/.test(created) ? Number(created) : created
  // Azure's first chunk has 0
  if (typeof time !== 'number' || !Number.isFinite(time) || time < 1) return undefined
  if (time <= maxSeconds) return Math.floor(time)
  const seconds = [1e3, 1e6, 1e9].map((parts) => time / parts).find((each) => each <= maxSeconds)
  return seconds === undefined ? undefined : Math.floor(seconds)
}
