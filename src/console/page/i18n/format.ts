import { type Language, language } from './index.ts'

/** What stands for a value that is not known. */
export const unknown = '–'

/** Making a formatter costs far more than using it, so each is made once for each language. */
function once<Formatter>(make: (locale: string) => Formatter): () => Formatter {
  const made = new Map<Language, Formatter>()
  return () => {
    const known = made.get(language.value)
    if (known) return known
    const formatter = make(language.value === 'zh' ? 'zh-Hans' : 'en')
    made.set(language.value, formatter)
    return formatter
  }
}

const whole = once((locale) => new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }))
const compact = once((locale) => new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 }))
const wholePercent = once((locale) => new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 }))
const finePercent = once((locale) => new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }))
const timeOfDay = once((locale) => new Intl.DateTimeFormat(locale, { timeStyle: 'medium' }))
const dayAndTime = once((locale) => new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }))
const relative = once((locale) => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }))

/** `1,234`, `12.3k`, `4.5M`. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return unknown
  return (Math.abs(value) < 10_000 ? whole() : compact()).format(value)
}

/** `$0.0012`, `$3.40`. */
export function money(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return unknown
  if (usd > 0 && usd < 0.00005) return '<$0.0001'
  const digits = usd !== 0 && Math.abs(usd) < 0.1 ? 4 : 2
  return `$${usd.toFixed(digits)}`
}

const lengths = {
  en: { ms: 'ms', s: 's', min: 'min', h: 'h', d: 'd' },
  zh: { ms: '毫秒', s: '秒', min: '分钟', h: '小时', d: '天' },
} as const satisfies Readonly<Record<Language, unknown>>

/** `340 ms`, `2.1 s`, `3 min`, `5 h`, `2 d`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return unknown
  const names = lengths[language.value]
  if (ms < 1_000) return `${Math.round(ms)} ${names.ms}`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} ${names.s}`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} ${names.min}`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} ${names.h}` : `${Math.round(ms / 86_400_000)} ${names.d}`
}

/** `97 %`. @param share from 0 to 1 */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return unknown
  return (share > 0.99 && share < 1 ? finePercent() : wholePercent()).format(share)
}

/** The local time, with the day if it is not today. */
export function moment(iso: string | null | undefined, now = Date.now()): string {
  const ms = Date.parse(iso ?? '')
  if (Number.isNaN(ms)) return unknown
  const isToday = new Date(ms).toDateString() === new Date(now).toDateString()
  return (isToday ? timeOfDay() : dayAndTime()).format(ms)
}

/** `5 minutes ago`, `in 2 hours`. */
export function distance(iso: string | null | undefined, now = Date.now()): string {
  const ms = Date.parse(iso ?? '')
  if (Number.isNaN(ms)) return unknown
  const seconds = (ms - now) / 1_000
  const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size) ?? (['second', 1] as const)
  return relative().format(Math.round(seconds / length), unit)
}

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const
