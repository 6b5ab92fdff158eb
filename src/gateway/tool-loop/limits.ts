/** Limits of a tool loop. */
export interface ToolLimits {
  /** Requests to the model. */
  readonly maxRounds: number
  /** Calls of all rounds together. */
  readonly maxCalls: number
  /** Calls of one round that run at the same time. */
  readonly maxParallel: number
  /** Milliseconds for a call, and again for its summary. */
  readonly timeoutMs: number
  /** Bytes of a result in UTF-8. */
  readonly maxResultBytes: number
  /** Characters of a result, above which it is summarised. */
  readonly summaryCharacters: number
  /** Tools of a request. With more of them, the model searches for those of the gateway. */
  readonly searchOver: number
}

export const toolLimits: ToolLimits = {
  maxRounds: 10,
  maxCalls: 32,
  maxParallel: 8,
  timeoutMs: 120_000,
  maxResultBytes: 256 * 1024,
  summaryCharacters: 5_000,
  searchOver: 64,
}
