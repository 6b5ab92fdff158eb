import { randomUUID } from 'node:crypto'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, FinishReason, ToolArgumentsEvent, ToolCallEvent, Usage } from '../../chat/event.ts'
import type { AssistantMessage, Extras, Fields, ReasoningPart, ToolCall } from '../../chat/message.ts'

/** Characters of a round that are kept to be told again: its text and thoughts, and its calls. */
const maxCharacters = 1024 * 1024
const maxCallCharacters = 256 * 1024

export interface RoundOptions {
  /** Whether a tool is the client's own to run. */
  isClients(name: string): boolean
  /** Ids that calls of this conversation have already; the round's own are added. */
  readonly ids: Set<string>
  /** Calls that it may make. @throws with more */
  readonly maxCalls: number
}

interface Growing {
  readonly id: string
  readonly name: string
  /** Among the client's calls; undefined for one of ours. */
  readonly shownAs: number | undefined
  json: string
  extra: Extras | undefined
}

/** What a model says in one round, as far as it has to be told again. */
export class Round {
  readonly #options: RoundOptions
  readonly #calls: Growing[] = []
  #clientCalls = 0
  #text = ''
  #reasoning = ''
  #reasoningExtra: Fields | undefined
  #characters = 0
  #callCharacters = 0
  #finish: FinishReason = 'other'
  #extra: Extras | undefined
  usage: Usage | undefined

  constructor(options: RoundOptions) {
    this.#options = options
  }

  get text(): string {
    return this.#text
  }

  get reasoning(): string {
    return this.#reasoning
  }

  /** What its thoughts have to be handed back with. */
  get reasoningExtra(): Fields | undefined {
    return this.#reasoningExtra
  }

  /** What the round has to be handed back with, beside its thoughts and its calls. */
  get extra(): Extras | undefined {
    return this.#extra
  }

  get hasClientCalls(): boolean {
    return this.#clientCalls > 0
  }

  /** The calls that are to be run now. A turn that was cut short, or that the client has to go on with, has none. */
  get calls(): readonly ToolCall[] {
    if (this.hasClientCalls || this.#finish === 'length' || this.#finish === 'content-filter') return []
    return this.#calls.map(({ id, name, json, extra }) => ({ id, name, arguments: json, ...(extra && { extra }) }))
  }

  /** How the answer ends, where this round is its last. */
  get finish(): FinishReason {
    return this.#finish === 'tool-calls' && !this.hasClientCalls ? 'stop' : this.#finish
  }

  /** As the model is told it in the next round. @throws ChatError `upstream-failed` when it was too long to be kept */
  message(): AssistantMessage {
    if (this.#characters > maxCharacters) throw tooLong()
    return {
      role: 'assistant',
      content: [
        ...(this.#reasoning ? [this.#thoughts()] : []),
        ...(this.#text ? [{ type: 'text' as const, text: this.#text }] : []),
      ],
      toolCalls: this.calls,
      ...(this.#extra && { extra: this.#extra }),
    }
  }

  /** Takes an event in. @returns what of it is part of the answer: calls of ours, and the ends of rounds, are not */
  add(event: ChatEvent): ChatEvent | undefined {
    switch (event.type) {
      case 'text':
        if (!event.refusal) this.#text += this.#kept(event.text)
        return event
      case 'reasoning':
        this.#reasoning += this.#kept(event.text)
        this.#reasoningExtra ??= event.extra
        return event
      case 'tool-call':
        return this.#open(event)
      case 'tool-arguments':
        return this.#grow(event)
      case 'usage':
        this.usage = event.usage
        return undefined
      case 'finish':
        this.#finish = event.reason
        this.#extra = event.extra
        return undefined
    }
  }

  #thoughts(): ReasoningPart {
    const extra = this.#reasoningExtra
    return { type: 'reasoning', text: this.#reasoning, ...(extra && { extra }) }
  }

  /** An answer may be longer than what is kept of it, as long as nothing comes after it. */
  #kept(text: string): string {
    this.#characters += text.length
    return this.#characters > maxCharacters ? '' : text
  }

  #open(event: ToolCallEvent): ChatEvent | undefined {
    const { name } = event
    const isClients = this.#options.isClients(name)
    if (!isClients && this.#calls.length >= this.#options.maxCalls) throw tooMany()
    this.#countCall(name)
    const shownAs = isClients ? this.#clientCalls++ : undefined
    const id = isClients ? event.id : this.#freshId(event.id)
    this.#calls[event.index] = { id, name, shownAs, json: '', extra: event.extra }
    return shownAs === undefined ? undefined : { ...event, index: shownAs }
  }

  #grow(event: ToolArgumentsEvent): ChatEvent | undefined {
    const call = this.#calls[event.index]
    if (!call) return undefined
    if (call.shownAs !== undefined) return { ...event, index: call.shownAs }
    this.#countCall(event.json)
    call.json += event.json
    call.extra = event.extra ?? call.extra
    return undefined
  }

  #countCall(text: string): void {
    this.#callCharacters += text.length
    if (this.#callCharacters > maxCallCharacters) throw tooLong()
  }

  /** Some upstreams count their calls anew in each reply; a result must name one call of the whole conversation. */
  #freshId(id: string): string {
    const fresh = id === '' || this.#options.ids.has(id) ? `call_${randomUUID().replaceAll('-', '')}` : id
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
