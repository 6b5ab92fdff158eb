import { ChatError } from '../../chat/error.ts'
import { type ChatEvent, type FinishEvent, isOfPart, type ToolCallEvent, type Usage } from '../../chat/event.ts'
import type { AssistantMessage } from '../../chat/message.ts'
import { Fold } from '../../flow/fold.ts'
import type { Runtime } from '../../flow/runtime.ts'

/** Characters of a round that are kept to be told again, and of its calls. */
const maxCharacters = 1024 * 1024
const maxCallCharacters = 256 * 1024

export interface RoundOptions {
  /** Whether a tool is the client's own to run. */
  isClients(name: string): boolean
  /** Ids that calls of this conversation have already; the round's own are added. */
  readonly ids: Set<string>
  readonly runtime: Runtime
  /** Calls that it may make. @throws with more */
  readonly maxCalls: number
}

/** What a model says in one round, as far as it has to be told again. */
export class Round {
  readonly #options: RoundOptions
  readonly #fold = new Fold({ maxCharacters })
  /** Parts that are calls of ours. */
  readonly #ours = new Set<number>()
  #hasClientCalls = false
  #callCharacters = 0
  #ending: FinishEvent | undefined

  constructor(options: RoundOptions) {
    this.#options = options
  }

  get usage(): Usage | undefined {
    return this.#fold.usage
  }

  /** Calls that are to be run now. A turn that was cut short, or that the client has to go on with, has none. */
  get callsToRun(): number {
    const reason = this.#ending?.reason
    return this.#hasClientCalls || reason === 'length' || reason === 'content-filter' ? 0 : this.#ours.size
  }

  /** How the answer ends, where this round is its last. */
  get finish(): Omit<FinishEvent, 'native'> {
    const { native: _, ...ending } = this.#ending ?? { type: 'finish', choice: 0, reason: 'other' }
    if (ending.reason !== 'tool-calls' || this.#hasClientCalls) return ending
    const { raw: _raw, ...others } = ending
    return { ...others, reason: 'stop' }
  }

  /** As the model is told it in the next round. @throws ChatError `upstream-failed` when it was too long to be kept */
  message(): AssistantMessage {
    if (this.#fold.isCut) throw tooLong()
    return this.#fold.message()
  }

  /** Takes an event in. @returns what of it is part of the answer: calls of ours, and the ends of rounds, are not */
  add(event: ChatEvent): ChatEvent | undefined {
    const named = event.type === 'tool-call' ? this.#open(event) : event
    this.#fold.add(named)
    if (event.type === 'finish') this.#ending = event
    if (!isOfPart(event)) return undefined
    if (!this.#ours.has(event.part)) return named
    if (event.type === 'tool-arguments') this.#countCall(event.json)
    return undefined
  }

  #open(event: ToolCallEvent): ToolCallEvent {
    this.#countCall(event.name)
    if (this.#options.isClients(event.name)) {
      this.#hasClientCalls = true
      return event
    }
    if (this.#ours.size >= this.#options.maxCalls) throw tooMany()
    this.#ours.add(event.part)
    return { ...event, id: this.#freshId(event.id) }
  }

  #countCall(text: string): void {
    this.#callCharacters += text.length
    if (this.#callCharacters > maxCallCharacters) throw tooLong()
  }

  /** Some upstreams count their calls anew in each reply; a result must name one call of the whole conversation. */
  #freshId(id: string): string {
    const fresh =
      id === '' || this.#options.ids.has(id) ? `call_${this.#options.runtime.newId().replaceAll('-', '')}` : id
    this.#options.ids.add(fresh)
    return fresh
  }
}

function tooMany(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The model asked for more calls of tools than one answer may have.',
    code: 'tool_calls_exceeded',
  })
}

function tooLong(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'What the model said before it called a tool, or what it called it with, is too long to be told again.',
    code: 'upstream_response_too_large',
  })
}
