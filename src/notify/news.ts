import type { NeedKind, NeedSubject, Severity } from '../needs/need.ts'

/** Something that an operator is told: a need that is there, or that is over. */
export interface News {
  /** The id of the need. */
  readonly id: string
  readonly state: 'begun' | 'over'
  readonly kind: NeedKind
  readonly severity: Severity
  readonly about: NeedSubject
  /** What is wrong, in one sentence. It has names that clients and upstreams have chosen, and no words of an upstream. */
  readonly sentence: string
  /** When it began, and when it was found to be over. Milliseconds since 1970 */
  readonly since: number
  readonly endedAt?: number
}

/** What is sent at once. */
export interface Notification {
  readonly news: readonly News[]
  /** Milliseconds since 1970. */
  readonly at: number
  /** The name of this machine, because several may send to one place. */
  readonly host: string
  /** Whether it is only sent to try the place. */
  readonly isTest?: true
}
