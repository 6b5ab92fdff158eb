const unit = '(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)(?![a-z])'
const amount = `\\d{1,6}(?:\\.\\d{1,9})?\\s?${unit}`
const announced = '(?:try again|retry(?:ing)?|resets?|renews?|wait|available again)(?:\\s\\w{1,12}){0,4}?'
const lasting = new RegExp(`\\b${announced}\\s((?:${amount}(?:,|\\sand)?\\s?){1,4})`, 'i')
const dated = new RegExp(`\\b${announced}\\s(\\d{4}-\\d\\d-\\d\\dT[\\d:.]{5,15}Z)`, 'i')

const units: readonly (readonly [RegExp, number])[] = [
  [/^(ms|mil)/i, 1],
  [/^s/i, 1_000],
  [/^m/i, 60_000],
  [/^h/i, 3_600_000],
  [/^d/i, 86_400_000],
]
const dayMs = 86_400_000

/**
 * The time that a refusal announces in words: `Please try again in 6m0s`, `Your limit resets in 2 hours and 5 minutes`, `Try
 * again at 2026-11-29T14:05:00Z`.
 * @param now milliseconds since 1970, for a date
 * @returns milliseconds, a day at most; undefined if it announces none
 */
export function waitInWords(message: string, now = Number.NaN): number | undefined {
  const said = message.slice(0, 1_000)
  const [, duration] = lasting.exec(said) ?? []
  const [, date = ''] = duration === undefined ? (dated.exec(said) ?? []) : []
  const ms = duration === undefined ? Date.parse(date) - now : sum(duration)
  return ms >= 0 ? Math.min(Math.ceil(ms), dayMs) : undefined
}

function sum(duration: string): number {
  const amounts = [...duration.matchAll(/([\d.]+)\s?([a-z]+)/gi)]
  return amounts.reduce((total, [, value, name = '']) => total + Number(value) * unitMs(name), 0)
}

function unitMs(name: string): number {
  return units.find(([pattern]) => pattern.test(name))?.[1] ?? 0
}
