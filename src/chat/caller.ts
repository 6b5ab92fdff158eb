import { createHash } from 'node:crypto'
import type { Secret } from './secret.ts'

/** What a caller may do: everything, or everything but the operator's routes. */
export type Role = 'client' | 'admin'

/** Who sent a request. */
export interface Caller {
  /** Tells nothing of the key, and is the same for the same key after a restart. What is kept for one caller is for no other. */
  readonly id: string
  /** As the log shows it. */
  readonly name: string
  readonly role: Role
}

/** A key that lets a caller in. */
export interface ClientKey {
  readonly secret: Secret
  readonly role: Role
  /** As the log shows its caller; without one it is the beginning of the id. */
  readonly name?: string
}

/** Every caller, where no key is asked for. */
export const anybody: Caller = { id: 'anybody', name: 'anybody', role: 'client' }

/** The caller that a key stands for. */
export function callerOf({ secret, role, name }: ClientKey): Caller {
  const id = createHash('sha256').update(`client of tributary: ${secret.reveal()}`).digest('hex').slice(0, 32)
  return { id, name: name ?? id.slice(0, 8), role }
}
