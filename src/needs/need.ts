/** How bad it is: clients get errors because of it, they soon will or a part is lost, or it is good to know. */
export type Severity = 'urgent' | 'warning' | 'note'

/** What somebody may be needed for. Of two of the same severity, the earlier kind comes first. */
export const needKinds = [
  'no_upstream',
  'store_failing',
  'disk_full',
  'redis_gone',
  'overloaded',
  'upstream_unreachable',
  'upstream_wrong_address',
  'account_banned',
  'account_needs_login',
  'account_challenged',
  'account_refused',
  'upstream_used_up',
  'account_exhausted',
  'upstream_failing',
  'upstream_outdated',
  'model_failing',
  'budget_spent',
  'key_expired',
  'open_to_everyone',
  'reload_failed',
  'weak_key',
  'clock_off',
  'tool_command_missing',
  'tool_server_failed',
  'account_expires_soon',
  'drift',
  'budget_near',
  'account_resting',
  'cache_broken',
  'log_dropped',
] as const

export type NeedKind = (typeof needKinds)[number]

/** What a need is about. It contains no secret, but names that clients and upstreams have chosen. */
export interface NeedSubject {
  readonly upstream?: string | undefined
  readonly account?: string | undefined
  readonly model?: string | undefined
  readonly toolServer?: string | undefined
  /** The name of a client key. */
  readonly key?: string | undefined
  /** The variable that the operator has to look at. */
  readonly variable?: string | undefined
}

/** A number, a word, a list of words, or an object of such. A time is a text in the form of ISO 8601. */
export type Fact = string | number | null | readonly Fact[] | { readonly [name: string]: Fact }

/** Something that is so at the moment of a look. */
export interface FoundNeed {
  readonly kind: NeedKind
  readonly severity: Severity
  readonly about: NeedSubject
  /** When it began, in milliseconds since 1970, if that is known. Otherwise it is the first look that found it. */
  readonly since?: number | undefined
  /** When it ends by itself, in milliseconds since 1970, if that is known. */
  readonly until?: number | undefined
  /** The words of the upstream or of ours. Secrets are cut out of them. */
  readonly why?: string | undefined
  /** The id of a request that shows it. */
  readonly request?: string | undefined
  /** What a sentence about it needs, by names that belong to the kind. */
  readonly facts?: Readonly<Record<string, Fact>> | undefined
  /** Milliseconds for which it must be found at every look before it is a need, if it often passes by itself. */
  readonly settlesWithinMs?: number
}

/** Something that somebody is needed for. */
export interface Need extends Omit<FoundNeed, 'since' | 'settlesWithinMs'> {
  /** Stays the same while the need lasts. */
  readonly id: string
  readonly since: number
}
