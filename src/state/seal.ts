import { createCipheriv, createDecipheriv, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { ChatError } from '../chat/error.ts'
import type { Secret } from '../chat/secret.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { StateEntry, Store, StoredValue } from './store.ts'

/** The key under which a store has the salt, and a value that only the right secret decrypts. */
export const sealKey = 'tributary:seal'
const checkText = 'opened'

/** The first byte of a sealed value. A nonce, a tag, and JSON encrypted with AES-256-GCM follow it. */
const form = 1
const nonceBytes = 12
const tagBytes = 16
/** Each guess at the secret takes 32 MiB of memory, because a person may have chosen a weak secret. RFC 7914 */
const scryptCost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }

const derive = promisify<string, Buffer, number, typeof scryptCost, Buffer>(scrypt)

export interface SealOptions {
  readonly runtime: Pick<Runtime, 'randomBytes'>
  /** The file that the secret was read from; undefined if the secret is `STATE_SECRET`. */
  readonly keyFile?: string | undefined
  /** What the store may have been written with before. It opens values, and new ones are written with the secret. */
  readonly previous?: Secret | undefined
  /** The salt of the key, for a new store. By default it is random. */
  readonly salt?: Buffer
}

/** The keys that open what is stored. The first one seals. */
type SealKeys = readonly [Buffer, ...Buffer[]]

/**
 * Wraps a store so that every value and notice is encrypted. Keys and counters stay readable. The first call binds the
 * secret to the store.
 * @throws ChatError `unavailable` `state_sealed` if the store was written with another secret or without one
 */
export async function sealStore(store: Store, secret: Secret, options: SealOptions): Promise<Store> {
  return sealWith(store, await keysOf(store, secret, options), options)
}

/** Wraps a store like `sealStore`, with keys of 32 bytes instead of secrets. */
export function sealWith(store: Store, keys: SealKeys, { runtime }: Pick<SealOptions, 'runtime'>): Store {
  const seal = createSealer(keys[0], runtime)
  const open = (name: string, value: string) => unseal(keys, name, value)
  return {
    get: async (name) => {
      const found: StoredValue | undefined = await store.get(name)
      return found && { ...found, value: open(name, found.value) }
    },
    put: (name, value, options) => store.put(name, seal(name, value), options),
    compareAndSet: (name, expected, value, options) => store.compareAndSet(name, expected, seal(name, value), options),
    take: async (name) => {
      const value = await store.take(name)
      return value === undefined ? undefined : open(name, value)
    },
    delete: (name) => store.delete(name),
    keys: async (prefix, limit) =>
      (await store.keys(prefix, limit + 1)).filter((name) => name !== sealKey).slice(0, limit),
    lease: (name, ttlMs) => store.lease(name, ttlMs),
    increment: (name, by, options) => store.increment(name, by, options),
    notify: (channel, text) => store.notify(channel, seal(channel, text)),
    listen: (channel, listener) =>
      store.listen(channel, (sent) => {
        const text = unsealForeign(keys, channel, sent)
        if (text !== undefined) listener(text)
      }),
    entries: () => openEntries(store, open),
    problem: () => store.problem(),
    close: () => store.close(),
  }
}

async function* openEntries(store: Store, open: (name: string, value: string) => string): AsyncGenerator<StateEntry> {
  for await (const entry of store.entries())
    if (entry.kind === 'counter') yield entry
    else if (entry.key !== sealKey) yield { ...entry, value: open(entry.key, entry.value) }
}

/**
 * Refuses an encrypted store if there is no secret, because its values would look damaged. @throws ChatError
 * `unavailable` `state_sealed`
 */
export async function refuseSealed(store: Store): Promise<void> {
  if (await store.get(sealKey))
    throw sealedError('The state is encrypted, but no STATE_SECRET is set. Set it, or delete the state.')
}

async function keysOf(store: Store, secret: Secret, options: SealOptions): Promise<SealKeys> {
  const stored = await store.get(sealKey)
  if (stored) return (await boundKeys(store, stored, secret, options)) ?? keysOf(store, secret, options)
  if ((await store.keys('', 1)).length > 0)
    throw sealedError('The state was written without a STATE_SECRET. Unset it, or delete the state.')
  const salt = options.salt ?? Buffer.from(options.runtime.randomBytes(16))
  const keys = await deriveKeys(secret, options.previous, salt)
  const isFirst = await store.compareAndSet(sealKey, 0, checkOf(keys, salt, options))
  return isFirst ? keys : keysOf(store, secret, options)
}

function checkOf([key]: SealKeys, salt: Buffer, { runtime }: SealOptions): string {
  return `${salt.toString('base64')} ${createSealer(key, runtime)(sealKey, checkText)}`
}

/**
 * The keys for a store that is bound to a secret. If that is the previous one, the store is bound to the new one.
 * @returns undefined if another process has changed that meanwhile
 */
async function boundKeys(
  store: Store,
  stored: StoredValue,
  secret: Secret,
  options: SealOptions,
): Promise<SealKeys | undefined> {
  const [encodedSalt = '', value = ''] = stored.value.split(' ')
  const salt = Buffer.from(encodedSalt, 'base64')
  const keys = await deriveKeys(secret, options.previous, salt)
  openCheck(keys, value, options.keyFile)
  if (unsealForeign([keys[0]], sealKey, value) !== undefined) return keys
  const isBound = await store.compareAndSet(sealKey, stored.version, checkOf(keys, salt, options))
  return isBound === undefined ? undefined : keys
}

function openCheck(keys: SealKeys, value: string, keyFile: string | undefined): void {
  try {
    unseal(keys, sealKey, value)
  } catch (cause) {
    if (keyFile === undefined) throw cause
    throw sealedError(
      `The state cannot be decrypted: the key file ${keyFile} has another key than the state was written with, or the state is damaged. Restore the former key file, or set the STATE_SECRET that the state was written with.`,
      cause,
    )
  }
}

async function deriveKeys(secret: Secret, previous: Secret | undefined, salt: Buffer): Promise<SealKeys> {
  return [await deriveKey(secret, salt), ...(previous ? [await deriveKey(previous, salt)] : [])]
}

function deriveKey(secret: Secret, salt: Buffer): Promise<Buffer> {
  return derive(secret.reveal(), salt, 32, scryptCost)
}

/** The salt of the key for clients. It is not in the store, because a store in memory is lost, and the key must outlive it. */
const clientSalt = Buffer.from('tributary: texts that clients keep')
/** The key under which the store has that key, if there is no secret. */
const clientKeyName = 'tributary:client-key'

/** How to seal a text that leaves the gateway and comes back. */
export interface TextSealer {
  /** @param name what the text is, and whose. It is opened only under the same name */
  seal(name: string, text: string): string
  /** Returns undefined for a text that was sealed under another name or with another key, or not at all. */
  open(name: string, sealed: string): string | undefined
}

/**
 * Makes the sealer for texts that clients keep. Its key is derived from the secret. Without a secret it is made once and kept in the
 * store, so it lives as long as the state.
 */
export async function openTextSealer(
  store: Store,
  secret: Secret | undefined,
  { runtime, previous }: Pick<SealOptions, 'runtime' | 'previous'>,
): Promise<TextSealer> {
  return secret
    ? deriveTextSealer(secret, clientSalt, { runtime, previous })
    : textSealer([await keptKey(store, runtime)], runtime)
}

/** Makes a sealer of texts whose key is derived from the secret and the salt. The salt says what the texts are for. */
export async function deriveTextSealer(
  secret: Secret,
  salt: Buffer,
  { runtime, previous }: Pick<SealOptions, 'runtime' | 'previous'>,
): Promise<TextSealer> {
  return textSealer(await deriveKeys(secret, previous, salt), runtime)
}

function textSealer(keys: SealKeys, runtime: SealOptions['runtime']): TextSealer {
  return { seal: createSealer(keys[0], runtime), open: (name, sealed) => unsealForeign(keys, name, sealed) }
}

async function keptKey(store: Store, runtime: SealOptions['runtime']): Promise<Buffer> {
  const kept = await store.get(clientKeyName)
  if (kept) return Buffer.from(kept.value, 'base64')
  const key = Buffer.from(runtime.randomBytes(32))
  const isFirst = await store.compareAndSet(clientKeyName, 0, key.toString('base64'))
  return isFirst === undefined ? keptKey(store, runtime) : key
}

/** Seals the value as JSON. JSON writes half a surrogate pair in ASCII, so every string is read back unchanged. */
function createSealer(key: Buffer, runtime: SealOptions['runtime']): (name: string, value: string) => string {
  return (name, value) => {
    const nonce = runtime.randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    cipher.setAAD(Buffer.from(name))
    const hidden = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
    return Buffer.concat([Buffer.of(form), nonce, cipher.getAuthTag(), hidden]).toString('base64')
  }
}

function unseal(keys: SealKeys, name: string, value: string): string {
  const bytes = Buffer.from(value, 'base64')
  let cause: unknown
  for (const key of keys)
    try {
      return decrypt(key, name, bytes)
    } catch (thrown) {
      cause = thrown
    }
  throw sealedError(
    'The state cannot be decrypted: it was written with another STATE_SECRET, or it is damaged. Set the former STATE_SECRET, or add it as STATE_SECRET_PREVIOUS, or delete the state.',
    cause,
  )
}

/** @throws Error if the bytes are of another key or name, or damaged */
function decrypt(key: Buffer, name: string, bytes: Buffer): string {
  const bodyAt = 1 + nonceBytes + tagBytes
  if (bytes[0] !== form) throw new Error(`unknown form ${bytes[0]}`)
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 1 + nonceBytes), { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(name))
  decipher.setAuthTag(bytes.subarray(1 + nonceBytes, bodyAt))
  return String(JSON.parse(Buffer.concat([decipher.update(bytes.subarray(bodyAt)), decipher.final()]).toString()))
}

/** Unseals what did not come from the store. Returns undefined if it was sealed with another key or name, or not at all. */
function unsealForeign(keys: SealKeys, name: string, sent: string): string | undefined {
  try {
    return unseal(keys, name, sent)
  } catch {
    return undefined
  }
}

function sealedError(message: string, cause?: unknown): ChatError {
  return new ChatError('unavailable', { message, code: 'state_sealed', cause })
}
