/** An answer of a model, so far. */
export interface Answer {
  /**
   * `waiting`: nothing came yet; `running`: it is being written; `done`: it is whole; `stopped`: the reader stopped it; `broken`: it
   * ended without its end; `failed`: the gateway said why.
   */
  readonly state: 'waiting' | 'running' | 'done' | 'stopped' | 'broken' | 'failed'
  readonly text: string
  readonly reasoning: string
  readonly refusal: string
  readonly calls: readonly ToolCall[]
  /** What the gateway said beside the answer: that another upstream went on with it. */
  readonly notes: readonly string[]
  readonly finish: string | undefined
  readonly usage: AnswerUsage | undefined
  readonly error: AnswerError | undefined
  readonly receipt: Receipt | undefined
  /** Milliseconds from the request to the first character. */
  readonly firstMs: number | undefined
  readonly tookMs: number | undefined
  readonly costUsd: number | undefined
  /** The tools that the gateway ran. */
  readonly ranTools: readonly string[]
}

/** A call of a tool that the model wants the client to run. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON, if the model wrote it well. */
  readonly arguments: string
}

export interface AnswerUsage {
  readonly input: number | undefined
  readonly cached: number | undefined
  readonly output: number | undefined
  readonly reasoning: number | undefined
  readonly isEstimate: boolean
  /** What the upstream says that it costs, in US dollars. */
  readonly statedCost: number | undefined
}

export interface AnswerError {
  readonly message: string
  readonly code: string
  /** Of HTTP; undefined if the answer had begun. */
  readonly status: number | undefined
}

/** What the headers of the answer say about how it was made. */
export interface Receipt {
  readonly requestId: string | undefined
  readonly upstream: string | undefined
  readonly attempts: number | undefined
  readonly parameters: string | undefined
  readonly lost: string | undefined
  readonly cache: string | undefined
  readonly toolsMissing: string | undefined
  readonly toolsOmitted: string | undefined
  readonly toolsSearched: string | undefined
}

export const emptyAnswer: Answer = {
  ...{ state: 'waiting', text: '', reasoning: '', refusal: '', calls: [], notes: [], ranTools: [] },
  ...{ finish: undefined, usage: undefined, error: undefined, receipt: undefined },
  ...{ firstMs: undefined, tookMs: undefined, costUsd: undefined },
}

/** Whether something may still come. */
export function isRunning({ state }: Answer): boolean {
  return state === 'waiting' || state === 'running'
}
