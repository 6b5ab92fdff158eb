/** Milliseconds in which a chat that failed is asked after all others. */
const mistrustMs = 10_000

/**
 * Remembers the chats that have failed a moment ago and have not answered since. All routes share it, so each learns
 * from the others.
 */
export class RecentFailures {
  readonly #elapsed: () => number
  /** The time of each chat's last failure, by `elapsed`. */
  readonly #failedAt = new Map<object, number>()

  /** @param elapsed milliseconds of a clock that only goes forward */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed
  }

  noteFailure(chat: object): void {
    this.#failedAt.set(chat, this.#elapsed())
  }

  noteSuccess(chat: object): void {
    this.#failedAt.delete(chat)
  }

  /** Milliseconds for which the chat is still asked after all others; 0 if it is not. */
  mistrustedForMs(chat: object): number {
    const failedAt = this.#failedAt.get(chat)
    return failedAt === undefined ? 0 : Math.max(0, failedAt + mistrustMs - this.#elapsed())
  }
}
