import { isDeepStrictEqual } from 'node:util'
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
import { RelayedHead, type StreamHead, withHead } from './relayed-head.ts'
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
  /** The calls that have opened, by choice: here they are counted from 0 and not by their part. */
  #calls: Map<number, Map<number, number>> | undefined
  /** Chunks that have gone out: the events of two side by side may come in turns. */
  #relayed: WeakSet<Native> | undefined
  #head: RelayedHead | undefined
  #created: number | undefined
  #usage: Usage | undefined
  /** The upstream's own chunk for usage: it may hold more. */
  #usageChunk: Native | undefined

  constructor(options: EncodeOptions) {
    this.#options = options
  }

  /** The text of one event, in pieces where it is long; empty where it needs none. */
  event(event: ChatEvent): string | Iterable<string> {
    if (event.type === 'usage') this.#usage = event.usage
    const { native } = event
    if (native?.dialect === dialect && (native.form === 'chunk' || native.value.choices !== undefined)) {
      const asItCame = this.#relayPlain(native, event.choice)
      if (asItCame !== undefined) return asItCame
      if (this.#relayed?.has(native)) return ''
      this.#relayed ??= new WeakSet()
      this.#relayed.add(native)
      return this.#relay(native, event)
    }
    const choice = event.type === 'usage' ? undefined : this.#choice(event)
    return choice ? this.#write({ choices: [choice] }) : ''
  }

  /** The bytes that end the stream well. */
  end(): string {
    const usage = this.#options.includeUsage && this.#usage ? this.#lastUsage(this.#usage) : ''
    return `${usage}${sseData('[DONE]')}`
  }

  /** The chunk that counts: the upstream's own where it says the same. */
  #lastUsage(usage: Usage): string {
    const { value: chunk = {}, json } = this.#usageChunk ?? {}
    const encoded = encodeUsage(usage)
    const isAsItCame = json !== undefined && isDeepStrictEqual(encoded, chunk.usage)
    const relayed = isAsItCame ? this.#relayJson(json, chunk) : undefined
    return relayed ?? sseData(JSON.stringify(this.#chunk({ ...chunk, choices: [] }, encoded)))
  }

  /** The bytes that end it badly: an error event, and no `[DONE]`, so that nobody takes it for complete. */
  error(error: ChatError): string {
    return sseData(JSON.stringify(encodeError(error)))
  }

  /** A chunk of one event, for one choice, that is to say what it said: as nearly all are. */
  #relayPlain({ json, isShared, value }: Native, choice: number): string | undefined {
    if (json === undefined || isShared || value.usage || !Array.isArray(value.choices) || !this.#opened.has(choice))
      return undefined
    const [only]: readonly unknown[] = value.choices
    if (value.choices.length !== 1 || !isFields(only) || only.index !== choice) return undefined
    return this.#relayJson(json, value)
  }

  /** A chunk as the JSON it came as, but for its head; undefined where it cannot leave so, as in several lines, which would end its event. */
  #relayJson(json: string, chunk: Fields): string | undefined {
    if (json.includes('\n') || json.includes('\r')) return undefined
    const known = this.#head?.relay(json, chunk)
    if (known !== undefined) return sseData(known)
    const options = { head: this.#streamHead(), hasUsage: this.#options.includeUsage }
    this.#head = RelayedHead.of(json, chunk, options)
    const relayed = this.#head?.relay(json, chunk) ?? withHead(json, chunk, options)
    return relayed === undefined ? undefined : sseData(relayed)
  }

  #streamHead(): StreamHead {
    const { id, model, created } = this.#options
    return { id, object: 'chat.completion.chunk', created: this.#created ?? created, model }
  }

  /** Usage comes once, at the end, wherever the upstream had it. */
  #relay(native: Native, event: ChatEvent): string | Iterable<string> {
    const chunk = native.form === 'chunk' ? native.value : chunkOf(native.value)
    // what has gone out of an answer beside it stays
    if (this.#opened.size === 0) this.#created ??= secondsIn(chunk.created)
    const choices = Array.isArray(chunk.choices) ? chunk.choices : []
    if (choices.length === 0 && chunk.usage) {
      this.#usageChunk = native
      return ''
    }
    const placed = this.#placed(choices, event.choice)
    const isAsItCame = placed.every((choice, at) => choice === choices[at])
    const json = isAsItCame && !chunk.usage ? native.json : undefined
    const relayed = json === undefined ? undefined : this.#relayJson(json, chunk)
    return relayed ?? this.#write({ ...chunk, choices: placed })
  }

  /** The choices under the number of the event, each with a role in its first delta. */
  #placed(choices: readonly unknown[], choice: number): readonly unknown[] {
    const [only] = choices
    const isMoved = choices.length === 1 && isFields(only) && only.index !== choice
    if (!isMoved && choices.length === 1 && this.#opened.has(choice)) return choices
    return (isMoved ? [{ ...only, index: choice }] : choices).map((each) => this.#withRole(each))
  }

  /** The official clients find an answer without a role broken: the first delta of each choice has one. */
  #withRole(choice: unknown): unknown {
    if (!isFields(choice) || typeof choice.index !== 'number' || this.#opened.has(choice.index)) return choice
    this.#opened.add(choice.index)
    const { role, ...delta } = isFields(choice.delta) ? choice.delta : {}
    if (typeof role === 'string' && role !== '') return choice
    return { ...choice, delta: { role: 'assistant', ...delta } }
  }

  /** Undefined for an event that says nothing in this dialect, such as the end of a part. */
  #choice(event: Exclude<ChatEvent, { type: 'usage' }>): Fields | undefined {
    const { choice } = event
    const delta = this.#delta(event)
    const logprobs = 'logprobs' in event && event.logprobs !== undefined ? { logprobs: event.logprobs } : {}
    if (!delta && !('logprobs' in logprobs)) return undefined
    const isFirst = !this.#opened.has(choice)
    this.#opened.add(choice)
    const role = isFirst
      ? { role: 'assistant', ...(event.type === 'text' ? {} : { content: event.type === 'tool-call' ? null : '' }) }
      : {}
    return {
      index: choice,
      delta: { ...role, ...delta },
      ...logprobs,
      finish_reason: event.type === 'finish' ? encodeFinish(event.reason) : null,
    }
  }

  #delta(event: Exclude<ChatEvent, { type: 'usage' }>): Fields | undefined {
    switch (event.type) {
      case 'text':
        return {
          content: event.text,
          ...(event.annotations && { annotations: event.annotations.map(encodeAnnotation) }),
        }
      case 'refusal':
        return { refusal: event.text }
      case 'reasoning':
        return { [event.extra?.[dialect]?.field === 'reasoning' ? 'reasoning' : 'reasoning_content']: event.text }
      case 'tool-call':
        return { tool_calls: [this.#opening(event)] }
      case 'tool-arguments': {
        const index = this.#calls?.get(event.choice)?.get(event.part)
        return { tool_calls: [merge({ index, function: { arguments: event.json } }, event.extra?.[dialect])] }
      }
      case 'part-end':
        return event.annotations && { annotations: event.annotations.map(encodeAnnotation) }
      case 'finish':
        // the sources have been told where they came
        return rest(event.extra?.[dialect] ?? {}, ['annotations']) ?? {}
      default:
        return undefined
    }
  }

  #opening({ choice, part, id, name, extra }: ToolCallEvent): Fields {
    this.#calls ??= new Map()
    const calls = this.#calls.get(choice) ?? new Map<number, number>()
    this.#calls.set(choice, calls)
    const index = calls.size
    calls.set(part, index)
    return merge({ index, id, type: 'function', function: { name, arguments: '' } }, extra?.[dialect])
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
