import { headOfBytes } from '../../chat/shorten.ts'
import type { Notification } from '../news.ts'
import type { NotifyTarget } from '../target.ts'
import { writeNotification } from '../write-notification.ts'

/** A longer message becomes a file, which many servers refuse. https://docs.ntfy.sh/publish/#limitations */
const maxBytes = 4_096
/** ntfy's numbers, from 1 to 5. */
const priorities = { urgent: 5, warning: 4, note: 3, over: 3 } as const
/** The words become pictures. https://docs.ntfy.sh/emojis/ */
const tags = {
  urgent: 'rotating_light',
  warning: 'warning',
  note: 'information_source',
  over: 'white_check_mark',
} as const

/**
 * A topic of an ntfy server, published as JSON at the server's root.
 * @see https://docs.ntfy.sh/publish/#publish-as-json
 */
export function ntfyTarget(url: string, topic: string, headers: Readonly<Record<string, string>>): NotifyTarget {
  const { origin, host, search, username, password } = new URL(url)
  const user = username === '' ? '' : `${username}:${password}@`
  const root = `${origin.replace('://', `://${user}`)}/${search}`
  return {
    name: `ntfy at ${host}`,
    write: (notification) => {
      const { title, message } = writeNotification(notification)
      const worst = worstOf(notification)
      const body = {
        topic,
        title,
        message: headOfBytes(message, maxBytes),
        priority: priorities[worst],
        tags: [tags[worst]],
      }
      return { url: root, headers, body }
    },
  }
}

function worstOf({ news, isTest }: Notification): keyof typeof priorities {
  if (isTest) return 'note'
  const begun = news.filter(({ state }) => state === 'begun').map(({ severity }) => severity)
  return (['urgent', 'warning', 'note'] as const).find((severity) => begun.includes(severity)) ?? 'over'
}
