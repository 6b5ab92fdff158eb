import { createHash, timingSafeEqual } from 'node:crypto'
import { anybody, type Caller, type ClientKey, callerOf } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import { countedNetwork } from './client-address.ts'

/** Wrong keys of one address within a minute, after which it is told to wait. */
const maxWrongPerMinute = 100
const maxRemembered = 10_000
const minuteMs = 60_000

/** Checks client keys: the digest of what was sent is looked up, which takes the same time whatever it has in common with a key. */
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
   * A right key always passes: if wrong keys kept it out, everybody behind the same proxy or NAT could be kept out by one of
   * them. Only the answer to wrong keys changes when there are too many.
   * @param address the client's, to slow down guessing
   * @returns whose key it is
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
 * The keys of a request, in the order in which they are tried: as OpenAI's, Anthropic's and Azure's clients send them. A client
 * that must put some word into one of the headers sends its key in another. Of two headers of one name the joined value is no
 * key of ours, which is right.
 */
function keysIn(headers: Headers): readonly string[] {
  const bearer = /^bearer +(\S.*)$/i.exec(headers.get('authorization') ?? '')?.[1]?.trim()
  return [bearer, headers.get('x-api-key'), headers.get('api-key')].flatMap((key) => key || [])
}
