import type { Rest } from './rest.ts'

/** What one process has learned about an account. */
export interface AccountNews {
  readonly label: string
  /** The only model that it concerns. */
  readonly model?: string | undefined
  /** Why it must not be used. Without it, the account answers again. */
  readonly trouble?: Trouble
  /** Whether the operator has ended its rest. */
  readonly isByOperator?: true
}

type Trouble = { readonly rest: Rest; readonly failures: number } | Refused

/** The service has refused it for good. */
export interface Refused {
  readonly refused: 'needs-login' | 'banned'
  readonly why: string
}
