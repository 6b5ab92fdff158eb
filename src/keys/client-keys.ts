import type { Caller, HashedKey } from '../chat/caller.ts'
import { ChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import { repeat } from '../flow/repeat.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'
import { hashedKeyOf, hashOf, type KeySettings, type NamedKey, readKey } from './named-key.ts'

/** All keys of the store are one value, so that a process reads them in one step. */
const storeKey = 'client-keys'
/** Keys that the store has at most. */
const maxKeys = 10_000
/** Milliseconds after which another process knows a change at the latest, if its notice was lost. */
const rereadMs = 5_000
/** Attempts to write a change, if other processes write at the same time. */
const maxWrites = 20

/** The keys that the configuration has. */
export interface ConfiguredKeys {
  /** The keys of `API_KEYS_FILE`. */
  readonly configured: readonly NamedKey[]
  /** Whether there is another key of an admin: `API_MASTER_KEY`. */
  readonly hasMasterKey: boolean
}

export interface ClientKeysOptions extends ConfiguredKeys {
  /** Whether the store is new with this process, so that it has no keys yet. */
  readonly isStoreNew?: boolean
  readonly store: Store
  readonly log: Logger
  readonly runtime: Pick<Runtime, 'now' | 'randomBytes' | 'timers'>
}

/** `open`: there is no key, and none is needed. `unadministered`: there are keys, but none of an admin that is still valid. */
export type Access = 'open' | 'unadministered' | 'administered'

/** A key, and where it can be changed. */
export interface ListedKey {
  readonly key: NamedKey
  readonly source: 'file' | 'state'
}

/** A new key, and its text, which is nowhere kept. */
export interface NewKey {
  readonly key: NamedKey
  readonly text: string
}

/** A key whose time is over. */
export interface ExpiredKey {
  readonly name: string
  /** Milliseconds since 1970. */
  readonly expiredAt: number
  /** The requests with it that were refused in this process since then. */
  readonly refused: number
  /** When the last of them came, in milliseconds since 1970. */
  readonly lastAt: number | undefined
}

type KeysListener = (keys: readonly HashedKey[]) => void

/** The client keys with a name: those of the file, and those of the store, which can be changed while the program runs. */
export class ClientKeys {
  readonly #options: ClientKeysOptions
  readonly #listeners = new Set<KeysListener>()
  #ofConfiguration: ConfiguredKeys
  /** Undefined until the store was read. */
  #stored: readonly NamedKey[] | undefined
  #version = 0
  #isFailing = false
  #known: readonly HashedKey[] = []
  /** The refused requests of each caller whose key has expired. */
  readonly #refused = new Map<string, { readonly count: number; readonly at: number }>()
  readonly #stops: (() => void)[] = []

  constructor(options: ClientKeysOptions) {
    this.#options = options
    this.#ofConfiguration = options
    if (options.isStoreNew) this.#stored = []
    if (this.#stored) this.#known = this.#hashed()
  }

  /** Reads the keys now, when another process says that they have changed, and from time to time. */
  async follow(): Promise<void> {
    const { store, runtime } = this.#options
    this.#stops.push(repeat(runtime.timers, rereadMs, () => void this.#reread()))
    const stop = await store.listen(storeKey, () => void this.#reread()).catch(() => undefined)
    if (stop) this.#stops.push(stop)
    await this.#reread()
  }

  /** Calls the listener with all keys as soon as they are known, and after each change. @returns a function that ends this */
  watch(listener: KeysListener): () => void {
    this.#listeners.add(listener)
    if (this.#stored) listener(this.#hashed())
    return () => void this.#listeners.delete(listener)
  }

  /** The callers of all keys, as far as they are known. */
  callers(): readonly Caller[] {
    return this.#known.map(({ caller }) => caller)
  }

  /** Notes a request with a key whose time is over. */
  noteExpired({ id }: Caller): void {
    const { count } = this.#refused.get(id) ?? { count: 0 }
    this.#refused.set(id, { count: count + 1, at: this.#options.runtime.now() })
  }

  /** The keys whose time is over. */
  expired(): readonly ExpiredKey[] {
    const now = this.#options.runtime.now()
    return this.#known.flatMap(({ caller: { id, name }, expiresAt = Number.POSITIVE_INFINITY }) => {
      const { count = 0, at } = this.#refused.get(id) ?? {}
      return expiresAt <= now ? [{ name, expiredAt: expiresAt, refused: count, lastAt: at }] : []
    })
  }

  /** Replaces the keys of the configuration. */
  reconfigure(keys: ConfiguredKeys): void {
    this.#ofConfiguration = keys
    this.#tell()
  }

  /** Who could do what with these keys of a configuration, and those of the store as far as they are known. */
  accessWith({ configured, hasMasterKey }: ConfiguredKeys): Access {
    if (hasMasterKey) return 'administered'
    const keys = [...configured, ...(this.#stored ?? [])]
    if (keys.length === 0) return 'open'
    const now = this.#options.runtime.now()
    const isAdmin = (key: NamedKey) => key.role === 'admin' && (hashedKeyOf(key).expiresAt ?? Infinity) > now
    return keys.some(isAdmin) ? 'administered' : 'unadministered'
  }

  /** @throws ChatError `unavailable` */
  async list(): Promise<readonly ListedKey[]> {
    await this.#read()
    return [
      ...this.#ofConfiguration.configured.map((key) => ({ key, source: 'file' }) as const),
      ...(this.#stored ?? []).map((key) => ({ key, source: 'state' }) as const),
    ]
  }

  /** What is set for the key of a caller; undefined if it has no such key. The store is not asked. */
  settingsOf({ id, name }: Caller): KeySettings | undefined {
    const keys = [...this.#ofConfiguration.configured, ...(this.#stored ?? [])]
    return keys.find((key) => key.name === name && hashedKeyOf(key).caller.id === id)
  }

  /** Makes a key. @throws ChatError `conflict` if the name is taken, `unavailable` */
  async add(settings: KeySettings): Promise<NewKey> {
    const { runtime } = this.#options
    const { name } = settings
    const text = `sk-tributary-${Buffer.from(runtime.randomBytes(32)).toString('base64url')}`
    const key: NamedKey = { ...settings, hash: hashOf(text), created: new Date(runtime.now()).toISOString() }
    this.#refuseConfigured(name)
    await this.#write((keys) => {
      if (keys.some((other) => other.name === name)) throw taken(name)
      if (keys.length >= maxKeys)
        throw new ChatError('conflict', { message: `There are ${maxKeys} keys already. Revoke some.` })
      return [...keys, key]
    })
    return { key, text }
  }

  /**
   * Changes the settings of a key. A member that is null is removed.
   * @throws ChatError `not-found`, `invalid-request`, `conflict`, `unavailable`
   */
  async change(name: string, changes: Readonly<Record<string, unknown>>): Promise<NamedKey> {
    this.#refuseConfigured(name)
    const keys = await this.#write((before) => {
      const { hash, created = '', ...settings } = find(name, before)
      const read = readKey({ ...settings, ...changes })
      if (read.settings.name !== name || read.key !== undefined || read.hash !== undefined) throw fixedMember()
      return before.map((other) => (other.name === name ? { ...read.settings, hash, created } : other))
    })
    return find(name, keys)
  }

  /** @throws ChatError `not-found`, `conflict`, `unavailable` */
  async remove(name: string): Promise<void> {
    await this.#write((keys) => {
      // the file may have got a key of this name later
      if (!keys.some((key) => key.name === name)) this.#refuseConfigured(name)
      const { hash } = find(name, keys)
      return keys.filter((key) => key.hash !== hash)
    })
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#listeners.clear()
  }

  /** Writes what `change` makes of the keys, and tells this process and all others. @returns the new keys */
  async #write(change: (keys: readonly NamedKey[]) => readonly NamedKey[]): Promise<readonly NamedKey[]> {
    const { store } = this.#options
    for (let attempt = 0; attempt < maxWrites; attempt++) {
      await this.#read()
      const keys = change(this.#stored ?? [])
      this.#refuseWithoutAdmin(keys)
      const version = await store.compareAndSet(storeKey, this.#version, JSON.stringify({ keys }))
      if (version === undefined) continue
      this.#set(keys, version)
      // the others find it by themselves if the notice is lost
      await store.notify(storeKey, '').catch(() => undefined)
      return keys
    }
    throw new ChatError('unavailable', { message: 'The keys are being changed by others. Try again in a moment.' })
  }

  async #reread(): Promise<void> {
    try {
      await this.#read()
      this.#isFailing = false
    } catch (err) {
      if (!this.#isFailing) this.#options.log.error({ err }, 'client keys could not be read')
      this.#isFailing = true
    }
  }

  async #read(): Promise<void> {
    const { value = '{"keys":[]}', version = 0 } = (await this.#options.store.get(storeKey)) ?? {}
    if (this.#stored && version === this.#version) return
    this.#set(decode(value), version)
  }

  #set(keys: readonly NamedKey[], version: number): void {
    this.#stored = keys
    this.#version = version
    this.#tell()
  }

  #tell(): void {
    const keys = this.#hashed()
    this.#known = keys
    const ids = new Set(keys.map(({ caller }) => caller.id))
    for (const id of this.#refused.keys()) if (!ids.has(id)) this.#refused.delete(id)
    for (const listener of this.#listeners) listener(keys)
  }

  /** A key of the file wins over one of the store. */
  #hashed(): readonly HashedKey[] {
    return [...(this.#stored ?? []), ...this.#ofConfiguration.configured].map(hashedKeyOf)
  }

  /** With a key the gateway is no longer open to its machine, so somebody must be able to change the keys. */
  #refuseWithoutAdmin(keys: readonly NamedKey[]): void {
    const isAdmin = ({ role }: NamedKey) => role === 'admin'
    if (
      keys.length === 0 ||
      this.#ofConfiguration.hasMasterKey ||
      keys.some(isAdmin) ||
      this.#ofConfiguration.configured.some(isAdmin)
    )
      return
    throw new ChatError('conflict', {
      message:
        'The key of an admin must exist as long as there are other keys. Set API_MASTER_KEY, or add a key with the role admin first.',
      code: 'admin_key_missing',
    })
  }

  #refuseConfigured(name: string): void {
    if (!this.#ofConfiguration.configured.some((key) => key.name === name)) return
    throw new ChatError('conflict', {
      message: `The key "${name}" stands in the file of API_KEYS_FILE. Change it there.`,
      code: 'key_in_file',
    })
  }
}

function decode(text: string): readonly NamedKey[] {
  const { keys }: { readonly keys: readonly Readonly<Record<string, unknown>>[] } = JSON.parse(text)
  return keys.map(({ created, ...members }) => {
    const { settings, hash } = readKey(members)
    return { ...settings, hash: hash ?? '', created: String(created) }
  })
}

function find(name: string, keys: readonly NamedKey[]): NamedKey {
  const key = keys.find((one) => one.name === name)
  if (key) return key
  throw new ChatError('not-found', { message: `There is no key "${name}". GET /admin/keys lists those that exist.` })
}

function taken(name: string): ChatError {
  return new ChatError('conflict', {
    message: `There is a key "${name}" already. Revoke it first, or choose another name.`,
    code: 'key_exists',
  })
}

function fixedMember(): ChatError {
  return new ChatError('invalid-request', {
    message: 'The name and the text of a key cannot be changed. Add another key, and revoke this one.',
    code: 'invalid_value',
  })
}
