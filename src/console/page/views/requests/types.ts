/** One of the last requests, as `GET /admin/requests` lists it. What is not known is null. */
export interface ListedRequest {
  readonly id: string
  readonly time: string
  readonly key: string
  readonly task: string
  readonly model: string
  readonly upstream: string | null
  readonly account: string | null
  readonly outcome: string
  readonly attempts: number
  readonly first_event_ms: number | null
  readonly duration_ms: number
  readonly input_tokens: number | null
  readonly cached_tokens: number | null
  readonly cache_write_tokens: number | null
  readonly output_tokens: number | null
  readonly cost_usd: number | null
  readonly continued: number
  readonly cache_broken_at: string | null
}

/** One request with all that is known, as `GET /admin/requests/{id}` shows it. */
export interface RequestDetails extends ListedRequest {
  readonly surface?: string
  readonly saved_usd: number | null
  readonly reasoning_tokens: number | null
  readonly usage_source: string | null
  readonly reply_bytes: number | null
  readonly hedged: boolean
  readonly hops: number
  readonly tools: readonly string[]
  readonly parameters: Readonly<Record<string, string>>
  readonly lost: readonly string[]
  readonly conversation: ConversationSums | null
  readonly timeline?: Timeline | null
  readonly texts?: RecordedTexts | null
}

export interface ConversationSums {
  readonly id: string
  readonly requests: number
  readonly input_tokens: number
  readonly cached_tokens: number
  readonly missed_tokens: number
  readonly cache_write_tokens: number
  readonly output_tokens: number
  readonly cost_usd: number | null
  readonly saved_usd: number | null
  readonly cache_breaks: number
}

/** What happened when, in milliseconds after the request came in. */
export interface Timeline {
  readonly queued_ms: number | null
  readonly attempts: readonly TimedAttempt[]
  readonly seams: readonly TimedSeam[]
}

/** Where an answer that broke off went on. */
export interface TimedSeam {
  readonly at_ms: number
  /** The upstream that went on. */
  readonly upstream?: string | null
  /** The upstream that broke off. */
  readonly from?: string | null
}

export interface TimedAttempt {
  readonly upstream: string | null
  readonly account: string | null
  readonly model: string | null
  readonly start_ms: number
  readonly first_event_ms: number | null
  /** Null while it runs. */
  readonly end_ms: number | null
  readonly outcome: string | null
}

/** The texts, where the operator records them. */
export interface RecordedTexts {
  readonly request: string | null
  readonly answer: string | null
  readonly is_cut: boolean
}
