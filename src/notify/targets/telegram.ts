import type { NotifyTarget } from '../target.ts'
import { writeNotification } from '../write-notification.ts'

/** `/bot<number>:<letters>`, and perhaps the method. A proxy may have put a path before it. */
const botPath = /^(.*\/bot\d+:[\w-]+)(?:\/sendMessage)?\/?$/

/** The path of a bot, with its token; undefined if the address is none of a bot. */
export function pathOfBot(url: URL): string | undefined {
  return botPath.exec(url.pathname)?.[1]
}

/**
 * A chat of a Telegram bot, or of a server with the same API. The parameters of the query, such as `chat_id` and `message_thread_id`,
 * are sent with the text, which has no markup.
 * @see https://core.telegram.org/bots/api#sendmessage
 */
export function telegramTarget(url: URL, path: string): NotifyTarget {
  const parameters = Object.fromEntries(url.searchParams)
  const method = `${url.origin}${path}/sendMessage`
  return {
    name: `telegram at ${url.host}`,
    write: (notification) => {
      const { title, message } = writeNotification(notification)
      const text = `${title}\n${message}`
      return { url: method, headers: {}, body: { ...parameters, text, link_preview_options: { is_disabled: true } } }
    },
  }
}
