import { createHash } from 'node:crypto'
import { z } from 'zod'
import { ChatError } from '../chat/error.ts'
import type { Lease, Store } from '../state/store.ts'
import type { Renewal } from './account.ts'

/** A credential as it is kept. */
export interface StoredCredential<Credential> {
  readonly credential: Credential
  /** Of the store's record; 0 where there is none. */
  readonly version: number
  /**
   * True while a renewal of it was begun and is not known to have ended: the service may have replaced it already, so
   * the next thing to do with it is to renew it once more.
   */
  readonly isRenewalOpen: boolean
  /** Why it is of no more use, by the service's own proof. */
  readonly dead?: ChatError
}

const Record = z.object({
  /** Names the configured credential it came from: another one there wins. */
  source: z.string(),
  credential: z.string(),
  isOpen: z.boolean(),
  dead: z.object({ reason: z.enum(['login-needed', 'account-banned']), message: z.string() }).optional(),
})

interface CredentialStoreOptions<Credential> {
  readonly store: Store
  readonly renewal: Renewal<Credential>
  readonly credential: Credential
  /** Where that credential is from: one that was made is known by its name alone. */
  readonly origin: Origin
}

/** Who an account comes from: the operator, or the service that gives them to anybody. */
export type Origin = 'configured' | 'made'

/** Keeps one account's credential in the store, in the steps that a renewal takes (docs/decisions/0015-renewal.md). */
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
    this.#source = createHash('sha256').update(`${name}\n${text}`).digest('hex')
  }

  /** What is kept, unless the operator has configured another credential since. */
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
   * Writes the next step. The version alone does not do: a process that slept through its lease before its first write
   * would go on to ask the service, and so would the one that has the lease now.
   * @returns it with its version; undefined where somebody else has written, or taken the lease, meanwhile
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

/** The credential that is kept under this name, whoever it came from. */
export async function readCredential<Credential>(
  name: string,
  store: Store,
  renewal: Renewal<Credential>,
): Promise<Credential | undefined> {
  const stored = await store.get(name)
  const record = stored && parseRecord(stored.value)
  return record && !record.dead ? renewal.decode(record.credential) : undefined
}

/** Under which name an account is kept that was made. */
export function storeKeyOf(upstream: string, label: string): string {
  return `account/${upstream}/${label}`
}

/**
 * Under which name an account is kept that was configured: by what it was configured with, whatever its variable is
 * called. The first token of one whose variable was renamed has been used up long since.
 */
export function configuredStoreKeyOf<Credential>(
  upstream: string,
  { credential, renewal }: Pick<CredentialStoreOptions<Credential>, 'credential' | 'renewal'>,
): string {
  return storeKeyOf(upstream, createHash('sha256').update(renewal.encode(credential)).digest('hex'))
}

function parseRecord(text: string): z.infer<typeof Record> | undefined {
  try {
    return Record.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
