export const dimensions = ['day', 'model', 'upstream', 'key'] as const
export type Dimension = (typeof dimensions)[number]

/** The sums of a line of the report. */
export interface UsageSums {
  readonly requests: number
  readonly failed: number
  readonly answers: number
  readonly input_tokens: number
  readonly cached_tokens: number
  readonly missed_tokens: number
  readonly cache_write_tokens: number
  readonly output_tokens: number
  readonly reasoning_tokens: number
  readonly estimated_answers: number
  /** Null if there are answers and the cost of none is known. */
  readonly cost_usd: number | null
  readonly unknown_costs: number
  readonly saved_usd: number
}

/** A line of the report, with its name in the member that the report goes by. */
export type UsageLine = UsageSums & Readonly<Partial<Record<Dimension, string>>>

/** What `GET /admin/usage` and `GET /v1/usage` answer. */
export interface UsageReport {
  readonly from: string
  readonly to: string
  readonly by: Dimension
  readonly prices: { readonly date: string }
  readonly data: readonly UsageLine[]
  readonly total: UsageSums
}
