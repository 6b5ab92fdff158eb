import type { RouteSettings } from '../../flow/route-settings.ts'
import { type Cursor, expected, type RouteFault, skipSpace, take, takeSign } from './cursor.ts'

/** The options that are a word, and what they set. */
const flags: Readonly<Record<string, RouteSettings>> = {
  hedge: { hedges: true },
  continue: { continues: true },
  nocontinue: { continues: false },
}
/** The options that have a time, and what they set. */
const times: Readonly<Record<string, 'firstMs' | 'idleMs'>> = { first: 'firstMs', idle: 'idleMs' }

/** Matches the @ before an option, which needs no space before it. */
export const optionAhead = new RegExp(`@(?:${[...Object.keys(flags), ...Object.keys(times)].join('|')})(?![\\w./:-])`)

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const maxMs = 24 * 3_600_000

type OptionsReading = { readonly settings: RouteSettings } | RouteFault

/** Reads the options after an @: `first=30s, nocontinue`. */
export function readOptions(cursor: Cursor): OptionsReading {
  let settings: RouteSettings = {}
  do {
    skipSpace(cursor)
    const { at } = cursor
    const option = readOption(cursor)
    if ('problem' in option) return option
    const [name] = Object.keys(option.settings)
    if (name !== undefined && name in settings)
      return { at, problem: 'sets an option for the second time', remedy: 'leave one of them out' }
    settings = { ...settings, ...option.settings }
  } while (takeSign(cursor, ','))
  return { settings }
}

function readOption(cursor: Cursor): OptionsReading {
  const { at } = cursor
  const name = take(cursor, /[a-z]+/y) ?? ''
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
  if (flag) return { settings: flag }
  const member = Object.hasOwn(times, name) ? times[name] : undefined
  if (!member) return expected({ ...cursor, at }, 'an option', `one of ${writtenOptions}`)
  if (!takeSign(cursor, '=')) return expected(cursor, `the = of ${name}`, `for example ${name}=30s`)
  const ms = readTime(cursor)
  return typeof ms === 'number' ? { settings: { [member]: ms } } : ms
}

const writtenOptions = [...Object.keys(times).map((name) => `${name}=30s`), ...Object.keys(flags)].join(', ')

/** Reads milliseconds. A number without a unit is in seconds, as in all settings. */
function readTime(cursor: Cursor): number | RouteFault {
  skipSpace(cursor)
  const { at } = cursor
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(take(cursor, /[\w.]+/y) ?? '') ?? []
  const ms = Math.round(Number(number) * (unitMs[unit] ?? 0))
  if (ms >= 1 && ms <= maxMs) return ms
  return expected({ ...cursor, at }, 'a time of up to 24 hours', 'for example 500ms, 30s, 15m or 1h')
}

/** Writes settings as options. */
export function writeOptions({ firstMs, idleMs, hedges, continues }: RouteSettings): string {
  return [
    ...(firstMs === undefined ? [] : [`first=${writeTime(firstMs)}`]),
    ...(idleMs === undefined ? [] : [`idle=${writeTime(idleMs)}`]),
    ...(hedges === true ? ['hedge'] : []),
    ...(continues === undefined ? [] : [continues ? 'continue' : 'nocontinue']),
  ].join(', ')
}

function writeTime(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`
}
