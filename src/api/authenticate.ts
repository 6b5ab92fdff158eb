import { createHash, timingSafeEqual } from 'node:crypto'
import { ChatError } from '../chat/error.ts'
import type { Secret } from '../chat/secret.ts'

/** Wrong keys of one address within a minute, after which it is told to wait. */
const maxWrongPerMinute = 100
const maxRemembered = 10_000
const minuteMs = 60_000

/** Checks client keys: the digest of what was sent against the digest of every key, whichever matches, in the same time. */
export class Keys {
  readonly #digests: readonly Buffer[]
  readonly #now: () => number
  readonly #wrong = new Map<string, { count: number; since: number }>()

  constructor(keys: readonly Secret[], now: () => number = Date.now) {
    this.#digests = keys.map((key) => digest(key.reveal()))
    this.#now = now
  }

  /** Whether clients need no key. */
  get isOpen(): boolean {
    return this.#digests.length === 0
  }

  /**
   * @param address the client's, to slow down guessing
   * @returns whose key it is: a name that tells nothing of the key, the same for the same key after a restart
   * @throws ChatError `unauthorized` without a key, `forbidden` with a wrong one, `too-many-attempts` after a hundred
   */
  check(headers: Headers, address: string): string {
    if (this.isOpen) return anybody
    const wrong = this.#wrongOf(address)
    if (wrong && wrong.count >= maxWrongPerMinute) {
      throw new ChatError('too-many-attempts', {
        message: 'Too many wrong keys from this address. Wait a minute.',
        retryAfterMs: wrong.since + minuteMs - this.#now(),
      })
    }
    const key = keyIn(headers)
    if (key === undefined) {
      throw new ChatError('unauthorized', {
        message: 'No API key was sent. Send it as "Authorization: Bearer KEY" or as "x-api-key: KEY".',
      })
    }
    if (this.#matches(key)) return clientName(key)
    this.#count(address)
    throw new ChatError('forbidden', {
      message: 'The API key is wrong. It must be one of those in API_MASTER_KEY.',
      code: 'invalid_api_key',
    })
  }

  #matches(key: string): boolean {
    const sent = digest(key)
    let isKnown = false
    for (const known of this.#digests) if (timingSafeEqual(known, sent)) isKnown = true
    return isKnown
  }

  #wrongOf(address: string): { count: number; since: number } | undefined {
    const wrong = this.#wrong.get(address)
    if (wrong && this.#now() - wrong.since < minuteMs) return wrong
    this.#wrong.delete(address)
    return undefined
  }

  #count(address: string): void {
    const wrong = this.#wrongOf(address)
    if (wrong) {
      wrong.count++
      return
    }
    const [oldest] = this.#wrong.keys()
    if (this.#wrong.size >= maxRemembered && oldest !== undefined) this.#wrong.delete(oldest)
    this.#wrong.set(address, { count: 1, since: this.#now() })
  }
}

/** What every client is called where none needs a key. */
export const anybody = 'anybody'

function clientName(key: string): string {
  return digest(`client of tributary: ${key}`).toString('hex', 0, 16)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Of two Authorization headers the joined value is no key of ours, which is right. */
function keyIn(headers: Headers): string | undefined {
  const bearer = /^bearer +(\S.*)$/i.exec(headers.get('authorization') ?? '')?.[1]
  return bearer?.trim() ?? (headers.get('x-api-key') || undefined)
}
