/** The conversation that the upstream itself keeps, for one attempt. An upstream without threads ignores it. */
export interface Thread {
  /**
   * The value that `keep` got when this account answered the messages before the last turn, for this client and model. Then
   * only the last turn must be sent. If it is undefined, or the upstream has lost the thread, the whole conversation must be
   * sent in a new thread. No other attempt gets the same value.
   */
  readonly known: string | undefined
  /**
   * Marks the known thread as changed or lost, so that no later call gets it. Call it before the thread may change: if an
   * attempt fails before this call, the next attempt or the next call gets the thread again.
   */
  spend(): void
  /** Keeps the state of the conversation at the upstream, once this answer is complete. The last value counts. */
  keep(value: string): void
}

/** For an upstream that keeps no conversation. */
export const noThread: Thread = { known: undefined, spend: () => undefined, keep: () => undefined }
