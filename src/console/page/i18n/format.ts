import { language } from './index.ts'

/** What stands for a value that is not known. */
export const unknown = '–'

/** `1,234`, `12.3k`, `4.5M`. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return unknown
  const notation = Math.abs(value) < 10_000 ? 'standard' : 'compact'
  return new Intl.NumberFormat(locale(), { notation, maximumFractionDigits: notation === 'compact' ? 1 : 0 }).format(
    value,
  )
}

/** `$0.0012`, `$3.40`. */
export function money(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return unknown
  const digits = usd !== 0 && Math.abs(usd) < 0.1 ? 4 : 2
  return `$${usd.toFixed(digits)}`
}

/** `340 ms`, `2.1 s`, `3 min`, `5 h`, `2 d`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return unknown
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}

/** `97 %`. @param share from 0 to 1 */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return unknown
  return new Intl.NumberFormat(locale(), {
    style: 'percent',
    maximumFractionDigits: share > 0.99 && share < 1 ? 1 : 0,
  }).format(share)
}

/** The local time, with the day if it is not today. */
export function moment(iso: string | null | undefined, now = Date.now()): string {
  if (!iso) return unknown
  const date = new Date(iso)
  const isToday = date.toDateString() === new Date(now).toDateString()
  const parts = isToday
    ? { timeStyle: 'medium' as const }
    : { dateStyle: 'medium' as const, timeStyle: 'short' as const }
  return new Intl.DateTimeFormat(locale(), parts).format(date)
}

/** `5 minutes ago`, `in 2 hours`. */
export function distance(iso: string | null | undefined, now = Date.now()): string {
  if (!iso) return unknown
  const seconds = (new Date(iso).getTime() - now) / 1_000
  const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size) ?? (['second', 1] as const)
  return new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(Math.round(seconds / length), unit)
}

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

function locale(): string {
  return language.value === 'zh' ? 'zh-Hans' : 'en'
}
