import { createHash, timingSafeEqual } from 'node:crypto'
import { anybody, type Caller, type ClientKey, callerOf } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import { countedNetwork } from './client-address.ts'

/** Wrong keys of one address within a minute, after which the answer is `too-many-attempts`. */
const maxWrongPerMinute = 100
const maxRemembered = 10_000
const minuteMs = 60_000

/**
 * Checks client keys. It looks up the digest of a sent key, so the time does not show how much of the key was right.
 */
export class Keys {
  readonly #known: ReadonlyMap<string, { readonly digest: Buffer; readonly caller: Caller }>
  readonly #now: () => number
  readonly #wrong = new Map<string, { count: number; since: number }>()

  /** @param now milliseconds since 1970 */
  constructor(keys: readonly ClientKey[], now: () => number) {
    const known = keys.map((key) => ({ digest: digestOf(key.secret.reveal()), caller: callerOf(key) }))
    this.#known = new Map(known.map((one) => [one.digest.toString('hex'), one]))
    this.#now = now
  }

  /** Whether clients need no key. */
  get isOpen(): boolean {
    return this.#known.size === 0
  }

  /**
   * Returns the caller of a key. A right key always passes, even after many wrong ones: otherwise one client could lock
   * out all others behind the same proxy or NAT. After too many wrong keys only the answer to wrong keys changes.
   * @param address the client's address, to slow down guessing
   * @throws ChatError `unauthorized` without a key, `forbidden` with a wrong one, `too-many-attempts` after a hundred
   */
  check(headers: Headers, address: string): Caller {
    if (this.isOpen) return anybody
    const sent = keysIn(headers)
    if (sent.length === 0) {
      throw new ChatError('unauthorized', {
        message:
          'No API key was sent. Send it as "Authorization: Bearer KEY", as "x-api-key: KEY" or as "api-key: KEY".',
      })
    }
    for (const key of sent) {
      const caller = this.#callerOf(key)
      if (caller) return caller
    }
    throw this.#refuse(countedNetwork(address))
  }

  #callerOf(key: string): Caller | undefined {
    const sent = digestOf(key)
    const known = this.#known.get(sent.toString('hex'))
    return known && timingSafeEqual(known.digest, sent) ? known.caller : undefined
  }

  #refuse(network: string): ChatError {
    const wrong = this.#wrongOf(network)
    if (wrong && wrong.count >= maxWrongPerMinute) {
      return new ChatError('too-many-attempts', {
        message: 'Too many wrong keys from this address. Wait a minute, or send a right key, which is always let in.',
        retryAfterMs: wrong.since + minuteMs - this.#now(),
      })
    }
    this.#count(network)
    return new ChatError('forbidden', {
      message: 'The API key is wrong. It must be one of those in API_MASTER_KEY.',
      code: 'invalid_api_key',
    })
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

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/**
 * The keys of a request, in the headers of OpenAI's, Anthropic's and Azure's clients, in the order in which they are
 * tried. All are tried, because a client may have to send a placeholder in one header. Two headers of one name arrive
 * joined, and their joined value is refused.
 */
function keysIn(headers: Headers): readonly string[] {
  const bearer = /^bearer +(\S.*)$/i.exec(headers.get('authorization') ?? '')?.[1]?.trim()
  return [bearer, headers.get('x-api-key'), headers.get('api-key')].flatMap((key) => key || [])
}
