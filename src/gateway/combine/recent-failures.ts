import type { Chat } from '../../flow/chat.ts'

/** Milliseconds in which a chat that failed is asked after all others. */
const mistrustMs = 10_000

/** Which chats have failed a moment ago and have not answered since. Routes share it, so each learns from the others. */
export class RecentFailures {
  readonly #elapsed: () => number
  /** When a chat failed last, by `elapsed`. */
  readonly #failedAt = new Map<Chat, number>()

  /** @param elapsed milliseconds of a clock that only goes forward */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed
  }

  failed(chat: Chat): void {
    this.#failedAt.set(chat, this.#elapsed())
  }

  succeeded(chat: Chat): void {
    this.#failedAt.delete(chat)
  }

  /** Milliseconds for which the chat is still asked after all others; 0 for one that is trusted. */
  mistrustedForMs(chat: Chat): number {
    const failedAt = this.#failedAt.get(chat)
    return failedAt === undefined ? 0 : Math.max(0, failedAt + mistrustMs - this.#elapsed())
  }
}
