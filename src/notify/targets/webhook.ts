import { headOf } from '../../chat/shorten.ts'
import type { News, Notification } from '../news.ts'
import type { NotifyTarget } from '../target.ts'
import { writeNotification } from '../write-notification.ts'

/** Raised when a member changes its meaning or goes. */
const bodyVersion = 1
/** Gotify's numbers: from 8 on a phone rings. */
const priorities = { urgent: 8, other: 5 } as const

/**
 * Any program that takes JSON. The news stand in members of their own, and once more as texts under the names that chat programs read:
 * `text` (Slack, Mattermost, Rocket.Chat, Google Chat by a proxy), `content` (Discord), `title`, `message` and `priority` (Gotify).
 */
export function webhookTarget(url: string, headers: Readonly<Record<string, string>>): NotifyTarget {
  return {
    name: `webhook at ${new URL(url).host}`,
    write: (notification) => ({ url, headers, body: bodyOf(notification) }),
  }
}

function bodyOf(notification: Notification): object {
  const { title, message } = writeNotification(notification)
  const text = `${title}\n${message}`
  const isUrgent = notification.news.some(({ severity, state }) => severity === 'urgent' && state === 'begun')
  return {
    source: 'tributary',
    version: bodyVersion,
    event: notification.isTest ? 'test' : 'needs',
    time: new Date(notification.at).toISOString(),
    host: notification.host,
    needs: notification.news.map(needOf),
    title,
    message,
    priority: isUrgent ? priorities.urgent : priorities.other,
    text,
    // Discord takes at most 2,000 characters, and would call everybody who is named after an @
    content: shortened(text),
    allowed_mentions: { parse: [] },
  }
}

const maxContent = 2_000

function shortened(text: string): string {
  return text.length <= maxContent ? text : `${headOf(text, maxContent - 1)}…`
}

function needOf({ id, state, kind, severity, about, sentence, since, endedAt }: News): object {
  return {
    ...{ id, state, kind, severity, sentence },
    since: new Date(since).toISOString(),
    ended_at: endedAt === undefined ? null : new Date(endedAt).toISOString(),
    upstream: about.upstream ?? null,
    account: about.account ?? null,
    model: about.model ?? null,
    tool_server: about.toolServer ?? null,
    key: about.key ?? null,
    variable: about.variable ?? null,
  }
}
