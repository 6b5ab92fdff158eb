const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const duration = /^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h|d))+$/

/**
 * Reads when a limit is reset, in the spellings of many services: a duration (`6m0s`, `12ms`, `33011.4` in seconds), a time in
 * seconds or milliseconds since 1970, or a date.
 * @param text in any letters
 * @param now when the text came, in milliseconds since 1970
 * @returns milliseconds since 1970; undefined if it is none of these, or over already
 */
export function readReset(text: string, now: number): number | undefined {
  const at = timeIn(text.trim(), now)
  return Number.isFinite(at) && at > now ? Math.ceil(at) : undefined
}

function timeIn(text: string, now: number): number {
  if (/^\d{1,15}(\.\d{1,9})?$/.test(text)) return timeOf(Number(text), now)
  const ms = durationMs(text)
  if (ms !== undefined) return now + ms
  return text.length <= 80 && /\d{4}/.test(text) ? Date.parse(text) : Number.NaN
}

/** A small number counts from now; no limit lasts 30 years. */
function timeOf(value: number, now: number): number {
  if (value < 1e9) return now + value * 1_000
  return value < 1e11 ? value * 1_000 : value
}

/** Milliseconds of a duration such as `2m59.56s`; undefined if it is none. */
function durationMs(text: string): number | undefined {
  const small = text.toLowerCase()
  if (!duration.test(small)) return undefined
  return [...small.matchAll(/([\d.]+)(ms|[smhd])/g)].reduce(
    (sum, [, value, unit = '']) => sum + Number(value) * (units[unit] ?? 0),
    0,
  )
}
