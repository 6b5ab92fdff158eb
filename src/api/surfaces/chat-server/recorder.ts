import { asChatError } from '../../../chat/error.ts'
import type { FinishReason, Usage } from '../../../chat/event.ts'
import type { Extras, Fields, ToolCall } from '../../../chat/message.ts'
import { headOf } from '../../../chat/shorten.ts'
import type { OpenTurn } from '../../../conversations/open-turn.ts'
import type { Status, StoredAssistantMessage } from '../../../conversations/stored-message.ts'
import { encodeUsage } from '../../../dialects/openai-chat/usage.ts'
import type { LoopEvent } from '../../../gateway/tool-loop/events.ts'
import { encodeCall, encodeMessage } from './encode-message.ts'

/** Characters of an answer, and of the thoughts before it, that are kept until its end: more than a session has room for. */
const maxCharacters = 2 * 1024 * 1024

/** Keeps what is answered as it is said, and gives the session back as soon as nothing more will be. */
export class Recorder {
  readonly #turn: OpenTurn
  readonly #signal: AbortSignal
  readonly #settled = Promise.withResolvers<Status>()
  #ending: Promise<StoredAssistantMessage> | undefined
  /** Of the round that is said now. */
  #text = ''
  #reasoning = ''
  #reasoningExtra: Fields | undefined
  #extra: Extras | undefined
  /** Of all rounds. */
  #whole = ''
  #isTruncated = false
  readonly #calls: ToolCall[] = []
  #finish: FinishReason | undefined
  #usage: Usage | undefined

  /** @param signal however slowly the answer is read, once this is aborted the session is free again */
  constructor(turn: OpenTurn, signal: AbortSignal) {
    this.#turn = turn
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort, { once: true })
    if (signal.aborted) this.#onAbort()
  }

  /** How the answer ended, once its session is free. */
  get settled(): Promise<Status> {
    return this.#settled.promise
  }

  get usage(): Fields | undefined {
    return this.#usage && encodeUsage(this.#usage)
  }

  /** What is to be kept before anything more happens, where that takes a while. @throws ChatError */
  record(event: LoopEvent): Promise<void> | undefined {
    switch (event.type) {
      case 'text':
        this.#say(event.text)
        return undefined
      case 'reasoning':
        this.#reasoning += headOf(event.text, maxCharacters - this.#reasoning.length)
        this.#reasoningExtra ??= event.extra
        return undefined
      case 'tool-calls':
        this.#text = ''
        this.#reasoning = ''
        this.#reasoningExtra = undefined
        this.#calls.push(...event.calls)
        return this.#turn.called(event)
      case 'tool-result':
        return this.#turn.result(event)
      case 'finish':
        this.#finish = event.reason
        this.#extra = event.extra
        return undefined
      case 'usage':
        this.#usage = event.usage
        return undefined
      default:
        return undefined
    }
  }

  #say(text: string): void {
    const more = headOf(text, maxCharacters - this.#whole.length)
    this.#isTruncated ||= more !== text
    this.#text += more
    this.#whole += more
  }

  /** The answer is over; only the first end counts. @throws ChatError where it cannot be kept */
  settle(status: Status): Promise<StoredAssistantMessage> {
    this.#ending ??= this.#end(status)
    return this.#ending
  }

  /** The answer with all its rounds in one, as it was streamed. */
  encode(session: string, answer: StoredAssistantMessage): Fields {
    return {
      ...encodeMessage(session, answer),
      content: this.#whole,
      tool_calls: this.#calls.map(encodeCall),
    }
  }

  async #end(status: Status): Promise<StoredAssistantMessage> {
    this.#signal.removeEventListener('abort', this.#onAbort)
    try {
      return await this.#turn.end(status, {
        text: this.#text,
        ...(this.#reasoning && { reasoning: this.#reasoning }),
        ...(this.#reasoningExtra && { reasoningExtra: this.#reasoningExtra }),
        ...(this.#extra && { extra: this.#extra }),
        metadata: {
          ...(this.#finish && { finish_reason: this.#finish.replace('-', '_') }),
          ...(this.#isTruncated && { truncated: true }),
          ...(this.#usage && { usage: this.usage }),
        },
      })
    } finally {
      await this.#turn.close().catch(() => undefined)
      this.#settled.resolve(status)
    }
  }

  readonly #onAbort = (): void => {
    const status = asChatError(this.#signal.reason).reason === 'cancelled' ? 'cancelled' : 'failed'
    // a storage that fails now has its own line; nobody is left to be told
    this.settle(status).catch(() => undefined)
  }
}
