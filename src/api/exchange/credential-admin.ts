import type { Finding } from '../../gateway/examine.ts'

/** A credential that was added or replaced. */
export interface AddedCredential {
  readonly upstream: string
  /** The labels of the accounts that use it. */
  readonly accounts: readonly string[]
  /** The test of the account. If there are several, the first one that does not work. */
  readonly test: Finding
}

export interface CredentialOptions {
  /** Keeps it although its test has failed. What the upstream refuses is never kept. */
  readonly isForced: boolean
}

/** Changes the variables of the state, which have credentials of upstreams. The environment's are never changed. */
export interface CredentialAdmin {
  /**
   * Adds variables that turn on an upstream, or add accounts to one.
   * @throws ChatError `invalid-request` (with `credential_refused` or `credential_not_tested` if the test has failed), `conflict`,
   *   `unavailable`
   */
  add(variables: Readonly<Record<string, string>>, options: CredentialOptions): Promise<AddedCredential>
  /** Replaces the value of a variable of the state. @throws as `add`, and `not-found` */
  replace(variable: string, value: string, options: CredentialOptions): Promise<AddedCredential>
  /**
   * Removes a variable from the state, and the address and settings of its upstream if nothing uses them any more.
   * @returns the removed variables
   * @throws ChatError `not-found`, `conflict`, `unavailable`
   */
  remove(variable: string): Promise<readonly string[]>
}
