import type { Cancel } from '../flow/cancel.ts'
/**
 * What an upstream is asked with.
 * @typeParam Credential what the upstream's adapter needs to ask: a key, a session; nothing where none is asked for.
 * A value that is never changed: a renewed account has a new one.
 */
export interface Account<Credential = unknown> {
  /** What the operator recognises it by, such as the name of its variable. Holds nothing secret. */
  readonly label: string
  readonly credential: Credential
  /** How its credential is renewed, where it ends by itself. */
  readonly renewal?: Renewal<Credential>
}

/** Keeps what a renewal has got by now, so that it outlives the renewal's failure. */
export type KeepCredential<Credential> = (credential: Credential) => Promise<void>

/** How credentials of a kind are renewed and kept: an upstream says it, the accounts room does it. */
export interface Renewal<Credential> {
  /** When the credential ends, in milliseconds since 1970; undefined where it does not say. */
  expiresAt(credential: Credential): number | undefined
  /** Milliseconds before its end at which the next one is asked for, while this one still serves. */
  readonly aheadMs: number
  /**
   * Asks the service for the next credential, which replaces this one from then on.
   * @param keep is awaited before the next request where the service replaces the credential on the way
   * @throws ChatError `login-needed` or `account-banned` with the service's own proof only; anything else heals by itself
   */
  renew(credential: Credential, signal: Cancel, keep?: KeepCredential<Credential>): Promise<Credential>
  /** The credential as text, to be kept. */
  encode(credential: Credential): string
  /** @returns undefined for what is no such text, or of an older shape */
  decode(text: string): Credential | undefined
}

/** Accounts that are made as they are needed, such as anonymous sessions. */
export interface Supply<Credential = unknown> {
  /** How many are kept ready; they come in the background once the first is wanted. */
  readonly min: number
  readonly max: number
  readonly renewal: Renewal<Credential>
  /** @throws ChatError, `rate-limited` with `retryAfterMs` where the service makes no more for now */
  create(signal: Cancel): Promise<Credential>
}

/**
 * How an account is. What rests heals by itself at `until` (milliseconds by the pool's clock); what needs a login or is
 * banned, for which the service gave proof, only by another credential.
 */
export type AccountState =
  | { readonly kind: 'ok' | 'refreshing' }
  | { readonly kind: 'cooling' | 'exhausted' | 'challenged' | 'refused'; readonly until: number; readonly why: string }
  | { readonly kind: 'needs-login' | 'banned'; readonly why: string }

/** An account, for showing. */
export interface AccountStatus {
  readonly label: string
  readonly state: AccountState
  /** Absent where its credential never ends. */
  readonly renewal?: RenewalStatus
}

export interface RenewalStatus {
  readonly isRunning: boolean
  /** When the credential ends, in milliseconds since 1970; undefined where it does not say. */
  readonly expiresAt: number | undefined
  /** When it was renewed last in this process. */
  readonly renewedAt: number | undefined
}
