import { ChatError } from '../chat/error.ts'
import type { Lease, Store } from '../state/store.ts'
import type { Renewal } from './account.ts'
import type { CredentialRecord } from './credential-record.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./credential-record.ts') => require('./credential-record.ts')

/** A credential with what is stored beside it. */
export interface StoredCredential<Credential> {
  readonly credential: Credential
  /** The version of the store's record; 0 where the store has no record. */
  readonly version: number
  /**
   * Whether a renewal was begun and is not known to have ended. The service may have replaced the credential already,
   * so it must be renewed before it is used.
   */
  readonly isRenewalOpen: boolean
  /** The reason why the credential can never be used again, if the service has refused it for good. */
  readonly dead?: ChatError
}

interface CredentialStoreOptions<Credential> {
  readonly store: Store
  readonly renewal: Renewal<Credential>
  readonly credential: Credential
  /** Where the credential came from. The record of a made account is found by its name alone. */
  readonly origin: Origin
}

/** Where an account comes from: the configuration, or a service that makes accounts on request. */
export type Origin = 'configured' | 'made'

/** Stores one account's credential at each step of a renewal (docs/decisions/0015-renewal.md). */
export class CredentialStore<Credential> {
  readonly name: string
  readonly #store: Store
  readonly #renewal: Renewal<Credential>
  readonly #credential: Credential
  readonly #source: string

  constructor(name: string, { store, renewal, credential, origin }: CredentialStoreOptions<Credential>) {
    this.name = name
    this.#store = store
    this.#renewal = renewal
    this.#credential = credential
    const text = origin === 'made' ? origin : renewal.encode(credential)
    this.#source = new Bun.CryptoHasher('sha256').update(`${name}\n${text}`).digest('hex')
  }

  /** The stored credential, or the configured one if the configuration was changed since. */
  async load(): Promise<StoredCredential<Credential>> {
    const stored = await this.#store.get(this.name)
    const record = stored && parseRecord(stored.value)
    const credential = record?.source === this.#source ? this.#renewal.decode(record.credential) : undefined
    const version = stored?.version ?? 0
    if (!record || credential === undefined) return { credential: this.#credential, version, isRenewalOpen: false }
    const { dead } = record
    return {
      credential,
      version,
      isRenewalOpen: record.isOpen,
      ...(dead && { dead: new ChatError(dead.reason, { message: dead.message }) }),
    }
  }

  lease(ttlMs: number): Promise<Lease | undefined> {
    return this.#store.lease(this.name, ttlMs)
  }

  /**
   * Writes the next step. It checks the lease too, because a version alone is not enough: if a process lost its lease
   * before its first write, both it and the process with the new lease would ask the service.
   * @returns the written step with its version; undefined if another process has written, or has taken the lease,
   *   meanwhile
   */
  async write(next: StoredCredential<Credential>, lease: Lease): Promise<StoredCredential<Credential> | undefined> {
    const options = { lease: { name: this.name, fence: lease.fence } }
    const version = await this.#store.compareAndSet(this.name, next.version, this.#text(next), options)
    return version === undefined ? undefined : { ...next, version }
  }

  async create(credential: Credential): Promise<void> {
    await this.#store.put(this.name, this.#text({ credential, version: 0, isRenewalOpen: false }))
  }

  async forget(): Promise<void> {
    await this.#store.delete(this.name)
  }

  #text({ credential, isRenewalOpen, dead }: StoredCredential<Credential>): string {
    const why = dead && { dead: { reason: dead.reason, message: dead.message } }
    return JSON.stringify({
      source: this.#source,
      credential: this.#renewal.encode(credential),
      isOpen: isRenewalOpen,
      ...why,
    })
  }
}

/** Reads the credential that is stored under this name, wherever it came from. */
export async function readCredential<Credential>(
  name: string,
  store: Store,
  renewal: Renewal<Credential>,
): Promise<Credential | undefined> {
  const stored = await store.get(name)
  const record = stored && parseRecord(stored.value)
  return record && !record.dead ? renewal.decode(record.credential) : undefined
}

/** The key in the store of an account that was made. */
export function storeKeyOf(upstream: string, label: string): string {
  return `account/${upstream}/${label}`
}

/**
 * The key in the store of an account that was configured: a hash of its configured credential. So the stored
 * credential is still found after the account's variable is renamed. The configured token may be used up by then, and
 * would not work again.
 */
export function configuredStoreKeyOf<Credential>(
  upstream: string,
  { credential, renewal }: Pick<CredentialStoreOptions<Credential>, 'credential' | 'renewal'>,
): string {
  return storeKeyOf(upstream, new Bun.CryptoHasher('sha256').update(renewal.encode(credential)).digest('hex'))
}

function parseRecord(text: string): CredentialRecord | undefined {
  try {
    return schemas().CredentialRecord.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
