import { ChatError } from '../../chat/error.ts'
import { type ChatEvent, type FinishEvent, isOfPart, type ToolCallEvent, type Usage } from '../../chat/event.ts'
import type { AssistantMessage } from '../../chat/message.ts'
import { Fold } from '../../flow/fold.ts'
import type { Runtime } from '../../flow/runtime.ts'

/** Limits for the kept characters of a round, and for the characters of its calls. */
const maxCharacters = 1024 * 1024
const maxCallCharacters = 256 * 1024

export interface RoundOptions {
  /** Whether the client must run this tool. */
  isClients(name: string): boolean
  /** The ids of all calls in this conversation. The round adds its own. */
  readonly ids: Set<string>
  readonly runtime: Runtime
  /** Limit for its calls. @throws ChatError above it */
  readonly maxCalls: number
}

/** The answer of a model in one round, which is sent back to it in the next. */
export class Round {
  readonly #options: RoundOptions
  readonly #fold = new Fold({ maxCharacters })
  /** The parts that are calls of the gateway's tools. */
  readonly #ownParts = new Set<number>()
  #hasClientCalls = false
  #callCharacters = 0
  #ending: FinishEvent | undefined

  constructor(options: RoundOptions) {
    this.#options = options
  }

  get usage(): Usage | undefined {
    return this.#fold.usage
  }

  /** The number of calls to run now. It is 0 if the answer was cut short or has calls for the client. */
  get callsToRun(): number {
    const reason = this.#ending?.reason
    return this.#hasClientCalls || reason === 'length' || reason === 'content-filter' ? 0 : this.#ownParts.size
  }

  /** The finish of the whole answer, if this round is its last. */
  get finish(): Omit<FinishEvent, 'native'> {
    const { native: _, ...ending } = this.#ending ?? { type: 'finish', choice: 0, reason: 'other' }
    if (ending.reason !== 'tool-calls' || this.#hasClientCalls) return ending
    const { raw: _raw, ...others } = ending
    return { ...others, reason: 'stop' }
  }

  /** The message for the next round. @throws ChatError `upstream-failed` if it is too long */
  message(): AssistantMessage {
    if (this.#fold.isCut) throw tooLong()
    return this.#fold.message()
  }

  /**
   * Adds an event. @returns the event for the client; undefined for calls of the gateway's tools and for ends of rounds
   */
  add(event: ChatEvent): ChatEvent | undefined {
    const withId = event.type === 'tool-call' ? this.#open(event) : event
    this.#fold.add(withId)
    if (event.type === 'finish') this.#ending = event
    if (!isOfPart(event)) return event.type === 'seam' ? event : undefined
    if (!this.#ownParts.has(event.part)) return withId
    if (event.type === 'tool-arguments') this.#countCall(event.json)
    return undefined
  }

  #open(event: ToolCallEvent): ToolCallEvent {
    this.#countCall(event.name)
    if (this.#options.isClients(event.name)) {
      this.#hasClientCalls = true
      return event
    }
    if (this.#ownParts.size >= this.#options.maxCalls) throw tooManyCalls()
    this.#ownParts.add(event.part)
    return { ...event, id: this.#uniqueId(event.id) }
  }

  #countCall(text: string): void {
    this.#callCharacters += text.length
    if (this.#callCharacters > maxCallCharacters) throw tooLong()
  }

  /** Makes an id unique, because some upstreams repeat their ids in each reply. */
  #uniqueId(id: string): string {
    const unique =
      id === '' || this.#options.ids.has(id) ? `call_${this.#options.runtime.newId().replaceAll('-', '')}` : id
    this.#options.ids.add(unique)
    return unique
  }
}

function tooManyCalls(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The model made more tool calls than one answer may have.',
    code: 'tool_calls_exceeded',
  })
}

function tooLong(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The message of the model with its tool calls is too long to be sent back to it.',
    code: 'upstream_response_too_large',
  })
}
