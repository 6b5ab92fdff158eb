import { anybody, type Caller, type ClientKey, callerOf, type HashedKey } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { countedNetwork } from './client-address.ts'

/** Wrong keys of one address within a minute, after which the answer is `too-many-attempts`. */
const maxWrongPerMinute = 100
const maxRemembered = 10_000
const minuteMs = 60_000

/** The keys that can change while the program runs. */
export interface ChangingKeys {
  /** Calls the listener with all of them as soon as they are known, and after each change. @returns a function that ends this */
  watch(listener: (keys: readonly HashedKey[]) => void): () => void
  /** Notes a request with a key whose time is over. */
  noteExpired(caller: Caller): void
}

interface KnownKey {
  readonly caller: Caller
  readonly expiresAt?: number
}

/**
 * Checks client keys. It looks up the digest of a sent key with a random salt, which stays in this process. So the time
 * of the look-up tells nothing about the keys, and a check takes the same time with any number of keys.
 */
export class Keys {
  readonly #salt: string
  readonly #fixed: readonly (readonly [digest: string, key: KnownKey])[]
  readonly #clock: Pick<Runtime, 'now'>
  readonly #wrong = new Map<string, { count: number; since: number }>()
  #known: ReadonlyMap<string, KnownKey>
  /** False until the changing keys were read for the first time. */
  #isComplete: boolean
  readonly #changing: ChangingKeys | undefined
  readonly #stopWatching: (() => void) | undefined

  constructor(keys: readonly ClientKey[], runtime: Pick<Runtime, 'now' | 'randomBytes'>, changing?: ChangingKeys) {
    this.#salt = Buffer.from(runtime.randomBytes(32)).toString('hex')
    this.#fixed = keys.map((key) => [this.#digestOf(key.secret.reveal()), { caller: callerOf(key) }])
    this.#known = new Map(this.#fixed)
    this.#clock = runtime
    this.#isComplete = changing === undefined
    this.#changing = changing
    this.#stopWatching = changing?.watch((hashed) => this.#replace(hashed))
  }

  /** Learns of no further changes. */
  close(): void {
    this.#stopWatching?.()
  }

  /** Whether clients need no key. That is not known before the changing keys were read. */
  get isOpen(): boolean {
    return this.#isComplete && this.#known.size === 0
  }

  /**
   * Returns the caller of a key. A right key always passes, even after many wrong ones: otherwise one client could lock
   * out all others behind the same proxy or NAT. After too many wrong keys only the answer to wrong keys changes.
   * @param address the client's address, to slow down guessing
   * @throws ChatError `unauthorized` without a key, `forbidden` with a wrong one, `too-many-attempts` after a hundred
   */
  check(headers: Headers, address: string): Caller {
    if (this.isOpen) return anybody
    let wasSent = false
    for (const keyIn of keyReaders) {
      const key = keyIn(headers)
      if (!key) continue
      const known = this.#known.get(this.#digestOf(key))
      if (known) return this.#unexpired(known)
      wasSent = true
    }
    if (!this.#isComplete && (wasSent || this.#known.size === 0)) throw notRead()
    if (wasSent) throw this.#refuse(countedNetwork(address))
    throw new ChatError('unauthorized', {
      message: 'No API key was sent. Send it as "Authorization: Bearer KEY", as "x-api-key: KEY" or as "api-key: KEY".',
    })
  }

  #replace(hashed: readonly HashedKey[]): void {
    const changing = hashed.map((key) => [this.#digestOfHash(key.hash), key] as const)
    this.#known = new Map([...changing, ...this.#fixed])
    this.#isComplete = true
  }

  #unexpired({ caller, expiresAt }: KnownKey): Caller {
    if (expiresAt === undefined || this.#clock.now() < expiresAt) return caller
    this.#changing?.noteExpired(caller)
    throw new ChatError('forbidden', {
      message: `This API key was valid until ${new Date(expiresAt).toISOString()}. Ask the operator for a new one.`,
      code: 'key_expired',
    })
  }

  #digestOf(key: string): string {
    return this.#digestOfHash(Bun.SHA256.hash(key, 'hex'))
  }

  #digestOfHash(hash: string): string {
    return Bun.SHA256.hash(this.#salt + hash, 'hex')
  }

  #refuse(network: string): ChatError {
    const wrong = this.#wrongOf(network)
    if (wrong && wrong.count >= maxWrongPerMinute) {
      return new ChatError('too-many-attempts', {
        message: 'Too many wrong keys from this address. Wait a minute, or send a right key, which is always let in.',
        retryAfterMs: wrong.since + minuteMs - this.#clock.now(),
      })
    }
    this.#count(network)
    return new ChatError('forbidden', {
      message: 'The API key is wrong, or was revoked.',
      code: 'invalid_api_key',
    })
  }

  #wrongOf(address: string): { count: number; since: number } | undefined {
    const wrong = this.#wrong.get(address)
    if (wrong && this.#clock.now() - wrong.since < minuteMs) return wrong
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
    this.#wrong.set(address, { count: 1, since: this.#clock.now() })
  }
}

function notRead(): ChatError {
  return new ChatError('unavailable', {
    message: 'The client keys have not been read from the state yet. Try again in a moment.',
  })
}

/**
 * Reads the key of a request in the headers of OpenAI's, Anthropic's and Azure's clients, in the order in which they are
 * tried. All are tried, because a client may have to send a placeholder in one header. Two headers of one name arrive
 * joined, and their joined value is refused.
 */
const keyReaders: readonly ((headers: Headers) => string | null | undefined)[] = [
  (headers) => /^bearer +(\S.*)$/i.exec(headers.get('authorization') ?? '')?.[1]?.trim(),
  (headers) => headers.get('x-api-key'),
  (headers) => headers.get('api-key'),
]
