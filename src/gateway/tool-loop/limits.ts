/** What a loop over tools may take before it is ended. */
export interface ToolLimits {
  /** Times the model is asked. */
  readonly maxRounds: number
  /** Calls in all rounds together. */
  readonly maxCalls: number
  /** Calls of one round that run at once. */
  readonly maxParallel: number
  /** Milliseconds a call may take, and then its summary. */
  readonly timeoutMs: number
  /** Bytes, as UTF-8, that are kept of a result. */
  readonly maxResultBytes: number
  /** Characters of a result, above which it is summarised. */
  readonly summaryCharacters: number
}

export const toolLimits: ToolLimits = {
  maxRounds: 10,
  maxCalls: 32,
  maxParallel: 8,
  timeoutMs: 120_000,
  maxResultBytes: 256 * 1024,
  summaryCharacters: 5_000,
}
