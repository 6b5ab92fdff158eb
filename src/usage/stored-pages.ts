import { ChatError } from '../chat/error.ts'
import { nextTurn } from '../flow/next-turn.ts'
import type { Store } from '../state/store.ts'
import { type Page, readPage } from './page.ts'

/** A page with its caller and its day. */
export interface DatedPage {
  readonly day: string
  readonly caller: string
  readonly page: Page
}

/** Days in UTC, both included: `2026-11-01`. */
export interface DayRange {
  readonly from: string
  readonly to: string
}

/** Limit for the pages that are read for one report. */
const maxRead = 50_000
/** Pages that are read or written at the same time. Between two such groups others get their turn. */
export const pagesAtOnce = 64

export function keyOfPage(day: string, caller: string): string {
  return `usage/${day}/${encodeURIComponent(caller)}`
}

/** Reads what is stored of some days. @throws ChatError `invalid-request` if that is too much */
export async function* readPages(store: Store, period: DayRange): AsyncGenerator<DatedPage> {
  const listed = await store.keys(`usage/${sharedPrefix(period.from, period.to)}`, maxRead)
  if (listed.length === maxRead)
    throw new ChatError('invalid-request', {
      message: 'from: this is too much at once. Choose fewer days.',
      param: 'from',
    })
  const keys = listed.filter((key) => isWithin(dayIn(key), period))
  for (let at = 0; at < keys.length; at += pagesAtOnce) {
    if (at > 0) await nextTurn()
    const part = keys.slice(at, at + pagesAtOnce)
    const values = await Promise.all(part.map((key) => store.get(key)))
    for (const [index, key] of part.entries()) {
      const text = values[index]?.value
      if (text !== undefined) yield { day: dayIn(key), caller: callerIn(key), page: readPage(text) }
    }
  }
}

function sharedPrefix(a: string, b: string): string {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return a.slice(0, length)
}

function isWithin(day: string, { from, to }: DayRange): boolean {
  return day >= from && day <= to
}

function dayIn(key: string): string {
  return key.split('/')[1] ?? ''
}

function callerIn(key: string): string {
  return decodeURIComponent(key.split('/')[2] ?? '')
}
