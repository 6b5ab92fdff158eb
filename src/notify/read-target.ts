import { percentDecoded } from '../chat/percent-decoded.ts'
import { hideKeysIn, Secret } from '../chat/secret.ts'
import type { NotifyTarget } from './target.ts'
import { ntfyTarget } from './targets/ntfy.ts'
import { pathOfBot, telegramTarget } from './targets/telegram.ts'
import { webhookTarget } from './targets/webhook.ts'

/** What is wrong with an address. It has no part of the address, which may be a secret. */
export interface TargetFault {
  readonly problem: string
  readonly remedy: string
}

const ntfyScheme = /^ntfy(?:\+(https?))?:\/\//i
const segment = /^\/([\w-]{1,64})\/?$/

/**
 * Reads the address of a place for notifications: `https://host/…` is a webhook, an address of a Telegram bot (`…/bot<token>/sendMessage?chat_id=…`)
 * is known by its path, and one of ntfy by its host (`ntfy.…`) or its scheme (`ntfy://host/topic`, `ntfy+http://host/topic`).
 */
export function readTarget(text: string): NotifyTarget | TargetFault {
  const isMarked = ntfyScheme.test(text)
  const address = text.replace(ntfyScheme, (_all, scheme: string | undefined) => `${scheme ?? 'https'}://`)
  const url = /^https?:\/\//i.test(address) ? URL.parse(address) : null
  if (!url)
    return {
      problem: 'has an item that is not an address',
      remedy: 'for example https://host/hook or ntfy://ntfy.sh/topic',
    }
  hideAddress(url)
  if (isMarked || /^ntfy\./i.test(url.hostname)) return readNtfy(url)
  const bot = pathOfBot(url)
  if (bot === undefined) return webhookTarget(withoutBearer(url), bearerOf(url))
  if (url.searchParams.get('chat_id')) return telegramTarget(url, bot)
  return {
    problem: 'has an address of a Telegram bot without a chat',
    remedy: 'add ?chat_id= with the number of the chat, or @ and the name of a channel',
  }
}

function readNtfy(url: URL): NotifyTarget | TargetFault {
  const topic = segment.exec(url.pathname)?.[1]
  if (topic !== undefined) return ntfyTarget(withoutBearer(url), topic, bearerOf(url))
  return { problem: 'has an address of ntfy without a topic', remedy: 'for example ntfy://ntfy.sh/topic' }
}

/** A password without a user is a token, as ntfy's are. A user with a password is sent by the client of `src/wire`. */
function bearerOf({ username, password }: URL): Readonly<Record<string, string>> {
  return username === '' && password !== '' ? { authorization: `Bearer ${percentDecoded(password) ?? password}` } : {}
}

function withoutBearer(url: URL): string {
  const plain = new URL(url.href)
  if (plain.username === '') plain.password = ''
  return plain.href
}

/** Parts of a path that are as long as this are keys, as in the webhooks of chat programs. */
const minKeyLength = 16

/** Nothing of an address that may be a key appears in a text from now on. */
function hideAddress(url: URL): void {
  new Secret(url.href)
  hideKeysIn(url.searchParams)
  const keys = [...url.pathname.split('/').filter(({ length }) => length >= minKeyLength), url.password]
  for (const key of keys) if (key !== '') new Secret(percentDecoded(key) ?? key)
}
