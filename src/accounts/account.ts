/**
 * What an upstream is asked with.
 * @typeParam Credential what the upstream's adapter needs to ask: a key, a session; nothing where none is asked for
 */
export interface Account<Credential = unknown> {
  /** What the operator recognises it by, such as the name of its variable. Holds nothing secret. */
  readonly label: string
  readonly credential: Credential
}

/** How an account is. What is not `ok` heals by itself at `until` (milliseconds by the pool's clock). */
export type AccountState =
  | { readonly kind: 'ok' }
  | {
      readonly kind: 'cooling' | 'exhausted' | 'challenged' | 'needs-login'
      readonly until: number
      readonly why: string
    }
