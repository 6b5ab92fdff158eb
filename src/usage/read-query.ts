import { ChatError } from '../chat/error.ts'
import { dayMs, dayOf, isDay } from './days.ts'
import { dimensions, type ReportQuery } from './report.ts'

/** Days of a report that names none, with today. */
const usualDays = 30

/** What somebody asks for, as text. */
export interface AskedReport {
  readonly by?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly key?: string | undefined
}

/**
 * @param now milliseconds since 1970
 * @throws ChatError `invalid-request`
 */
export function readQuery({ by = 'day', key, ...period }: AskedReport, now: number): ReportQuery {
  const dimension = dimensions.find((one) => one === by)
  if (!dimension) throw invalid('by', `"${by.slice(0, 40)}" is none of ${dimensions.join(', ')}`)
  const to = readDay('to', period.to ?? dayOf(now))
  const from = readDay('from', period.from ?? dayOf(Date.parse(to) - (usualDays - 1) * dayMs))
  if (from > to) throw invalid('from', 'it is after "to"')
  return { by: dimension, from, to, ...(key !== undefined && { key }) }
}

function readDay(param: string, text: string): string {
  if (isDay(text)) return text
  throw invalid(param, `"${text.slice(0, 40)}" is no day, such as 2026-11-29`)
}

function invalid(param: string, problem: string): ChatError {
  return new ChatError('invalid-request', { message: `${param}: ${problem}.`, param })
}
