import type { Cancel } from '../flow/cancel.ts'
import type { ModelQuota } from './account-quota.ts'

/**
 * One way to be known to an upstream.
 * @typeParam Credential what the upstream's adapter sends: a key, a sign-in session; undefined if the upstream needs
 *   none. A credential is never changed: a renewed account has a new one.
 */
export interface Account<Credential = unknown> {
  /**
   * The name by which the operator recognises the account, such as the name of its variable. It contains no secret.
   */
  readonly label: string
  readonly credential: Credential
  /** How its credential is renewed; absent if it never ends. */
  readonly renewal?: Renewal<Credential>
  /** Differs if its label or credential does, and reveals neither. The configuration sets it. */
  readonly fingerprint?: string
  /** When a credential ends that nobody renews, in milliseconds since 1970; absent if that is not known. */
  readonly endsAt?: number
}

/** Stores an intermediate credential of a renewal, so that it is not lost if the renewal fails afterwards. */
export type KeepCredential<Credential> = (credential: Credential) => Promise<void>

/** How credentials of a kind are renewed and stored. A provider declares it, and a `LiveAccount` uses it. */
export interface Renewal<Credential> {
  /** When the credential ends, in milliseconds since 1970; undefined if the credential does not contain its end. */
  expiresAt(credential: Credential): number | undefined
  /**
   * The next credential is requested this many milliseconds before the end of the old one. The old one is used
   * meanwhile.
   */
  readonly aheadMs: number
  /**
   * Asks the service for the next credential, which replaces this one from then on.
   * @param keep stores a credential that the service gives on the way; await it before the next request
   * @throws ChatError `login-needed` or `account-banned` only if the service itself reports this; all other failures
   *   are temporary
   */
  renew(credential: Credential, signal: Cancel, keep?: KeepCredential<Credential>): Promise<Credential>
  /** The credential as text, for the store. */
  encode(credential: Credential): string
  /** @returns undefined if the text is not a credential of this kind, or has an older shape */
  decode(text: string): Credential | undefined
}

/** Accounts that are made when they are needed, such as anonymous sessions. */
export interface Supply<Credential = unknown> {
  /** The number of accounts that are kept ready. They are made in the background after the first use. */
  readonly min: number
  readonly max: number
  readonly renewal: Renewal<Credential>
  /** @throws ChatError `rate-limited` with `retryAfterMs` if the service makes no more for now */
  create(signal: Cancel): Promise<Credential>
}

/**
 * Whether an account can be used. An account that rests is used again at `until` (milliseconds since 1970). One that
 * needs a login, or is banned, is used again only with another credential, because the service itself has refused it.
 */
export type AccountState =
  | { readonly kind: 'ok' | 'refreshing' }
  | {
      readonly kind: 'cooling' | 'exhausted' | 'challenged' | 'refused'
      readonly until: number
      readonly why: string
      /** The only models with which it rests; absent if it rests with all of them. */
      readonly models?: readonly string[]
    }
  | { readonly kind: 'needs-login' | 'banned'; readonly why: string }

/** What follows when an account reaches a limit: the next account is used, or the whole upstream rests. */
export type OnLimit = 'next' | 'rest'

/** An account as the operator sees it. */
export interface AccountStatus {
  readonly label: string
  readonly state: AccountState
  /** The message of the failure after which it rests; absent if it does not, or rests before it was refused. */
  readonly said?: string
  /** Absent if its credential never ends. */
  readonly renewal?: RenewalStatus
  /** When its credential ends, which nobody renews, in milliseconds since 1970. */
  readonly endsAt?: number
  /** What is left of its limits; absent if its upstream says nothing of them. */
  readonly quota?: readonly ModelQuota[]
}

export interface RenewalStatus {
  readonly isRunning: boolean
  /** When the credential ends, in milliseconds since 1970; undefined if the credential does not contain its end. */
  readonly expiresAt: number | undefined
  /** The time of the last renewal in this process, in milliseconds since 1970; undefined if there was none. */
  readonly renewedAt: number | undefined
}
