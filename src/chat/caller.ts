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
}

/** A key with which a caller may use the gateway. */
export interface ClientKey {
  readonly secret: Secret
  readonly role: Role
  /** The caller's name in the log. The default is the beginning of the id. */
  readonly name?: string
}

/** Stands for every caller when the gateway has no keys. */
export const anybody: Caller = { id: 'anybody', name: 'anybody', role: 'client' }

/** Returns the caller that a key stands for. */
export function callerOf({ secret, role, name }: ClientKey): Caller {
  const id = new Bun.CryptoHasher('sha256').update(`client of tributary: ${secret.reveal()}`).digest('hex').slice(0, 32)
  return { id, name: name ?? id.slice(0, 8), role }
}
