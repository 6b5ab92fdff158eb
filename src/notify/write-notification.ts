import type { News, Notification } from './news.ts'
import { timeOf } from './time-of.ts'

/** How many of the news a text has; it says how many more there are. */
const maxLines = 8

const marks = { urgent: '🔴', warning: '🟠', note: '⚪', over: '🟢' } as const

/** A notification as a text for people. */
export interface NotificationText {
  /** One line. */
  readonly title: string
  /** A line for each of the news. */
  readonly message: string
}

/** Writes a notification for people, in less than 4,000 characters whatever the names are. */
export function writeNotification({ news, host, isTest }: Notification): NotificationText {
  if (isTest)
    return { title: `tributary on ${host}: a test`, message: 'Notifications of this gateway reach this place.' }
  const lines = news.slice(0, maxLines).map(lineOf)
  const more = news.length - lines.length
  return {
    title: `tributary on ${host}: ${headline(news)}`,
    message: [...lines, ...(more > 0 ? [`… and ${more} more. The console shows all.`] : [])].join('\n'),
  }
}

function headline(news: readonly News[]): string {
  const begun = news.filter(({ state }) => state === 'begun')
  const [first] = begun.length > 0 ? begun : news
  const words = first?.kind.replaceAll('_', ' ') ?? ''
  if (begun.length === 0) return news.length === 1 ? `over: ${words}` : `${news.length} things are over`
  return begun.length === 1 ? words : `${begun.length} things need somebody`
}

function lineOf({ state, severity, sentence, since, endedAt }: News): string {
  if (state === 'begun') return `${marks[severity]} ${sentence} (${severity}, since ${timeOf(since)})`
  return `${marks.over} Over${endedAt === undefined ? '' : ` after ${lengthOf(endedAt - since)}`}: ${sentence}`
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs

function lengthOf(ms: number): string {
  if (ms < 2 * minuteMs) return `${Math.max(1, Math.round(ms / 1_000))} seconds`
  return ms < 2 * hourMs ? `${Math.round(ms / minuteMs)} minutes` : `${Math.round(ms / hourMs)} hours`
}
