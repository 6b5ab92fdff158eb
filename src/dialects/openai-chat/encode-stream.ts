import type { ChatError } from '../../chat/error.ts'
import type { ChatEvent, Native, ToolCallEvent, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { sseData, sseJson } from '../../wire/sse.ts'
import { encodeAnnotation } from './annotation.ts'
import { secondsIn } from './created.ts'
import { dialect } from './dialect.ts'
import { encodeError } from './encode-error.ts'
import { isFields, merge, rest } from './fields.ts'
import { encodeFinish } from './finish-reason.ts'
import { RelayedHead, type StreamHead } from './relayed-head.ts'
import { encodeUsage } from './usage.ts'

export interface EncodeOptions {
  /** The answer's id, `chatcmpl-…`. */
  readonly id: string
  /** The model as the client named it. */
  readonly model: string
  /** Unix seconds; an upstream's own time is taken where it comes in this dialect. */
  readonly created: number
  /** Whether the client asked for usage. */
  readonly includeUsage: boolean
}

/**
 * Writes events as the SSE bytes of `chat.completion.chunk`s. A native chunk of this dialect is relayed as it came, id,
 * model, time and usage apart: those are one thing for the whole stream.
 */
export class StreamEncoder {
  readonly #options: EncodeOptions
  /** The choices whose first delta, the one with the role, has gone out. */
  readonly #opened = new Set<number>()
  /** Chunks that have gone out: the events of two side by side may come in turns. */
  #relayed: WeakSet<Native> | undefined
  #head: RelayedHead | undefined
  #created: number | undefined
  #usage: Usage | undefined
  /** The upstream's own chunk for usage: it may hold more. */
  #usageChunk: Fields | undefined

  constructor(options: EncodeOptions) {
    this.#options = options
  }

  /** The text of one event, in pieces where it is long; empty where it needs none. */
  event(event: ChatEvent): string | Iterable<string> {
    if (event.type === 'usage') this.#usage = event.usage
    const { native } = event
    if (native?.dialect === dialect && (native.form === 'chunk' || native.value.choices !== undefined)) {
      // a chunk with its JSON makes one event, so it cannot come again
      const asItCame = this.#relayJson(native, event.choice)
      if (asItCame !== undefined) return asItCame
      if (this.#relayed?.has(native)) return ''
      this.#relayed ??= new WeakSet()
      this.#relayed.add(native)
      return this.#relay(native.form === 'chunk' ? native.value : chunkOf(native.value), event)
    }
    return event.type === 'usage' ? '' : this.#write({ choices: [this.#choice(event)] })
  }

  /** The bytes that end the stream well. */
  end(): string {
    const { includeUsage } = this.#options
    const usage =
      includeUsage && this.#usage
        ? sseData(JSON.stringify(this.#chunk({ ...this.#usageChunk, choices: [] }, encodeUsage(this.#usage))))
        : ''
    return `${usage}${sseData('[DONE]')}`
  }

  /** The bytes that end it badly: an error event, and no `[DONE]`, so that nobody takes it for complete. */
  error(error: ChatError): string {
    return sseData(JSON.stringify(encodeError(error)))
  }

  /** A chunk as the JSON it came as, where nothing but its head has to change. */
  #relayJson({ json, value }: Native, choice: number): string | undefined {
    if (json === undefined || value.usage || !Array.isArray(value.choices) || !this.#opened.has(choice))
      return undefined
    const [only]: readonly unknown[] = value.choices
    if (value.choices.length !== 1 || !isFields(only) || only.index !== choice) return undefined
    const known = this.#head?.relay(json, value)
    if (known !== undefined) return sseData(known)
    this.#head = RelayedHead.of(json, value, { head: this.#streamHead(), hasUsage: this.#options.includeUsage })
    const relayed = this.#head?.relay(json, value)
    return relayed === undefined ? undefined : sseData(relayed)
  }

  #streamHead(): StreamHead {
    const { id, model, created } = this.#options
    return { id, object: 'chat.completion.chunk', created: this.#created ?? created, model }
  }

  /** Usage comes once, at the end, wherever the upstream had it. */
  #relay(chunk: Fields, event: ChatEvent): string | Iterable<string> {
    // what has gone out of an answer beside it stays
    if (this.#opened.size === 0) this.#created ??= secondsIn(chunk.created)
    const choices = Array.isArray(chunk.choices) ? chunk.choices : []
    if (choices.length === 0 && chunk.usage) {
      this.#usageChunk = chunk
      return ''
    }
    const [only] = choices
    const isMoved = choices.length === 1 && isFields(only) && only.index !== event.choice
    if (!isMoved && choices.length === 1 && this.#opened.has(event.choice)) return this.#write(chunk)
    const placed = isMoved ? [{ ...only, index: event.choice }] : choices
    return this.#write({ ...chunk, choices: placed.map((choice) => this.#withRole(choice)) })
  }

  /** The official clients find an answer without a role broken: the first delta of each choice has one. */
  #withRole(choice: unknown): unknown {
    if (!isFields(choice) || typeof choice.index !== 'number' || this.#opened.has(choice.index)) return choice
    this.#opened.add(choice.index)
    const { role, ...delta } = isFields(choice.delta) ? choice.delta : {}
    if (typeof role === 'string' && role !== '') return choice
    return { ...choice, delta: { role: 'assistant', ...delta } }
  }

  #choice(event: Exclude<ChatEvent, { type: 'usage' }>): Fields {
    const isFirst = !this.#opened.has(event.choice)
    this.#opened.add(event.choice)
    const role = isFirst
      ? { role: 'assistant', ...(event.type === 'text' ? {} : { content: event.type === 'tool-call' ? null : '' }) }
      : {}
    const logprobs = event.type === 'text' && event.logprobs !== undefined ? { logprobs: event.logprobs } : {}
    return {
      index: event.choice,
      delta: { ...role, ...delta(event) },
      ...logprobs,
      finish_reason: event.type === 'finish' ? encodeFinish(event.reason) : null,
    }
  }

  #write(chunk: Fields): string | Iterable<string> {
    return sseJson(this.#chunk(chunk, null))
  }

  /** A client that asked for usage gets it with every chunk, null but in the last. OpenAI, `stream_options.include_usage` */
  #chunk(chunk: Fields, usage: Fields | null): Fields {
    const shown = this.#options.includeUsage ? usage : undefined
    const head = this.#streamHead()
    return { ...head, ...chunk, ...head, usage: shown }
  }
}

/** A whole completion as the one chunk that says the same, for a client that asked for a stream where there was none. */
function chunkOf(whole: Fields): Fields {
  const choices = Array.isArray(whole.choices) ? whole.choices.filter(isFields) : []
  return {
    ...whole,
    choices: choices.map(({ message, ...choice }) => {
      const delta = isFields(message) ? message : {}
      const calls = Array.isArray(delta.tool_calls) ? delta.tool_calls.filter(isFields) : []
      return {
        ...choice,
        delta: { ...delta, ...(calls.length > 0 && { tool_calls: calls.map((call, index) => ({ index, ...call })) }) },
      }
    }),
  }
}

function delta(event: Exclude<ChatEvent, { type: 'usage' }>): Fields {
  switch (event.type) {
    case 'text':
      return {
        [event.refusal ? 'refusal' : 'content']: event.text,
        ...(event.annotations && { annotations: event.annotations.map(encodeAnnotation) }),
      }
    case 'reasoning':
      return { [event.extra?.field === 'reasoning' ? 'reasoning' : 'reasoning_content']: event.text }
    case 'tool-call':
      return { tool_calls: [opening(event)] }
    case 'tool-arguments':
      return {
        tool_calls: [merge({ index: event.index, function: { arguments: event.json } }, event.extra?.[dialect])],
      }
    case 'finish':
      // the sources have been told where they came
      return rest(event.extra?.[dialect] ?? {}, ['annotations']) ?? {}
  }
}

function opening({ index, id, name, extra }: ToolCallEvent): Fields {
  return merge({ index, id, type: 'function', function: { name, arguments: '' } }, extra?.[dialect])
}
