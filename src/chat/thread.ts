/** The conversation as the upstream itself keeps it, for one attempt. An upstream without threads takes no notice of it. */
export interface Thread {
  /**
   * What `keep` was given when the messages before the last user turn were answered, on this very account, for this very
   * client and model: then only that turn has to be told. Undefined where the whole conversation has.
   * Nobody else gets it: whoever finds it gone upstream tells the whole conversation in another thread.
   */
  readonly known: string | undefined
  /**
   * Says that the known thread is no longer what its client knows: it may have been told more, or it is gone. Nobody comes
   * upon it again. An attempt that fails before says nothing against it: the next one, or the next call, finds it as it was.
   */
  spend(): void
  /** Says where the conversation stands upstream; the last one holds. It counts once this answer is complete. */
  keep(value: string): void
}

/** For calls to whoever keeps no conversation. */
export const noThread: Thread = { known: undefined, spend: () => undefined, keep: () => undefined }
