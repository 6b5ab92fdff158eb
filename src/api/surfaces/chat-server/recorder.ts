import { asChatError } from '../../../chat/error.ts'
import { type Fields, type ToolCallPart, wordsOf } from '../../../chat/message.ts'
import type { OpenTurn } from '../../../conversations/open-turn.ts'
import type { Status, StoredAssistantMessage } from '../../../conversations/stored-message.ts'
import { encodeUsage } from '../../../dialects/openai-chat/usage.ts'
import type { Cancel } from '../../../flow/cancel.ts'
import { Fold } from '../../../flow/fold.ts'
import { isChatEvent, type LoopEvent } from '../../../gateway/tool-loop/events.ts'
import { encodeCall, encodeMessage } from './encode-message.ts'

/** Limit for the characters of an answer and its reasoning: more than a session has room for. */
const maxCharacters = 2 * 1024 * 1024

/** Stores an answer while it arrives, and frees the session at its end. */
export class Recorder {
  readonly #turn: OpenTurn
  readonly #signal: Cancel
  #release: () => void = () => undefined
  readonly #settled = Promise.withResolvers<Status>()
  #ending: Promise<StoredAssistantMessage> | undefined
  /** The answer so far, in all its rounds. */
  readonly #fold = new Fold({ maxCharacters })
  readonly #calls: ToolCallPart[] = []
  /** The number of parts in the rounds before the current one. */
  #partsBefore = 0

  /** @param signal when it is aborted, the session becomes free at once, even if the answer is read slowly */
  constructor(turn: OpenTurn, signal: Cancel) {
    this.#turn = turn
    this.#signal = signal
    this.#release = signal.onAbort(this.#onAbort)
  }

  /** Resolves when the session is free. The value tells how the answer ended. */
  get settled(): Promise<Status> {
    return this.#settled.promise
  }

  get usage(): Fields | undefined {
    const { usage } = this.#fold
    return usage && encodeUsage(usage)
  }

  /** Records an event. @returns a promise to wait for, if something must be stored first @throws ChatError */
  record(event: LoopEvent): Promise<void> | undefined {
    if (isChatEvent(event)) {
      this.#fold.add(event)
      return undefined
    }
    switch (event.type) {
      case 'tool-calls':
        this.#partsBefore = this.#fold.parts().length
        this.#calls.push(...event.calls)
        return this.#turn.addCalls(event)
      case 'tool-result':
        return this.#turn.addResult(event)
      case 'tool-output':
        return undefined
    }
  }

  /** Ends the answer. Only the first end counts. @throws ChatError if it cannot be stored */
  settle(status: Status): Promise<StoredAssistantMessage> {
    this.#ending ??= this.#end(status)
    return this.#ending
  }

  /** Encodes the answer as one message with all its rounds, as it was streamed. */
  encode(session: string, answer: StoredAssistantMessage): Fields {
    return {
      ...encodeMessage(session, answer),
      content: wordsOf(this.#fold.parts()),
      tool_calls: this.#calls.map(encodeCall),
    }
  }

  async #end(status: Status): Promise<StoredAssistantMessage> {
    this.#release()
    try {
      const { content, ...message } = this.#fold.message()
      return await this.#turn.end(status, {
        message: { ...message, content: content.slice(this.#partsBefore) },
        metadata: this.#metadata(),
      })
    } finally {
      await this.#turn.close().catch(() => undefined)
      this.#settled.resolve(status)
    }
  }

  #metadata(): Fields {
    const finish = this.#fold.choices[0]?.finish
    return {
      ...(finish && { finish_reason: finish.replace('-', '_') }),
      ...(this.#fold.isAnswerCut && { truncated: true }),
      ...(this.usage && { usage: this.usage }),
    }
  }

  readonly #onAbort = (): void => {
    const status = asChatError(this.#signal.reason).reason === 'cancelled' ? 'cancelled' : 'failed'
    // a failing store is logged elsewhere, and the client has left
    this.settle(status).catch(() => undefined)
  }
}
