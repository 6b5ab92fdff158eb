import type { Secret } from './secret.ts'

/** What a caller may do: everything, or everything but the operator's routes. */
export type Role = 'client' | 'admin'

/** Who sent a request. */
export interface Caller {
  /** A hash of the key, so it reveals nothing and stays the same after a restart. Data kept for one caller is never given to another. */
  readonly id: string
  /** The name in the log. */
  readonly name: string
  readonly role: Role
  /** Whether it may use a model of this name; absent if it may use all. */
  readonly mayUse?: (model: string) => boolean
  /** Absent if it has none. */
  readonly limits?: CallerLimits
}

/** What a caller may use. An absent limit does not exist. */
export interface CallerLimits {
  /** The requests of a minute. */
  readonly rpm?: number
  /** The tokens of a minute. */
  readonly tpm?: number
  /** The requests that run at the same time. */
  readonly concurrent?: number
  readonly budget?: Budget
}

/** What a caller may use in a period, by UTC, or in all. */
export interface Budget {
  readonly amount: number
  readonly unit: 'tokens' | 'USD'
  readonly period?: 'day' | 'month'
}

/** A key with which a caller may use the gateway. */
export interface ClientKey {
  readonly secret: Secret
  readonly role: Role
  /** The caller's name in the log. The default is the beginning of the id. */
  readonly name?: string
}

/** A caller whose key is only known by its hash. */
export interface HashedKey {
  /** The SHA-256 of the key, in hexadecimal digits. */
  readonly hash: string
  readonly caller: Caller
  /** Milliseconds since 1970 from which on the key is refused. */
  readonly expiresAt?: number
}

/** Stands for every caller when the gateway has no keys. */
export const anybody: Caller = { id: 'anybody', name: 'anybody', role: 'client' }

/** Returns the caller that a key stands for. */
export function callerOf({ secret, role, name }: ClientKey): Caller {
  const id = callerId(`client of tributary: ${secret.reveal()}`)
  return { id, name: name ?? id.slice(0, 8), role }
}

/** The id of the caller with a key of this hash. It is another one than the id of `callerOf`, which needs the key itself. */
export function hashedCallerId(hash: string): string {
  return callerId(`client of tributary with the hash: ${hash}`)
}

function callerId(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('hex').slice(0, 32)
}
