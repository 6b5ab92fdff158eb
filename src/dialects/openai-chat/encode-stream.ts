import type { ChatError } from '../../chat/error.ts'
import { type ChatEvent, describeSeam, type Native, type Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { sseComment, sseData, sseJson, sseKeepAlive } from '../../wire/sse.ts'
import { isFields, rest } from '../fields.ts'
import { encodeAnnotation } from './annotation.ts'
import { secondsIn } from './created.ts'
import { dialect } from './dialect.ts'
import { encodeError } from './encode-error.ts'
import { encodeFinish } from './finish-reason.ts'
import { absentFrom, type ChunkTemplate, LearnedChunk } from './learned-chunks.ts'
import { RelayedHead, replaceHead, type StreamHead } from './relayed-head.ts'
import { encodeUsage } from './usage.ts'
import { WrittenCalls } from './written-calls.ts'

export interface EncodeOptions {
  /** The id of the answer: `chatcmpl-…`. */
  readonly id: string
  /** The client's name of the model. */
  readonly model: string
  /** Unix seconds. An upstream of this dialect may replace it by its own time. */
  readonly created: number
  /** Whether the client asked for usage. */
  readonly includeUsage: boolean
}

/** How the chunks of one template are relayed. `before` is absent if they cannot be relayed as they are. */
interface RelayedTemplate {
  readonly template: ChunkTemplate
  /** The choice of the events. */
  readonly choice: number
  readonly before?: string
  readonly after?: string
}

/**
 * Writes events as SSE frames with `chat.completion.chunk`s. A native chunk of this dialect is relayed unchanged, except the
 * id, model, time and usage, which are the same for the whole stream.
 */
export class StreamEncoder {
  readonly #options: EncodeOptions
  /** The choices whose first delta, which has the role, has been written. A list of one takes less memory than a set. */
  readonly #opened: number[] = []
  #calls: WrittenCalls | undefined
  /** Chunks that have been written and may come again. The events of two upstreams may be interleaved. */
  #relayed: WeakSet<Native> | undefined
  #head: RelayedHead | undefined
  /** How the last learned chunk was relayed. */
  #learned: RelayedTemplate | undefined
  #created: number | undefined
  #usage: Usage | undefined
  /** The upstream's own usage chunk, which may have more fields. */
  #usageChunk: Native | undefined

  constructor(options: EncodeOptions) {
    this.#options = options
  }

  /** The text that shows that a silent stream is alive. */
  get keepAlive(): string {
    return sseKeepAlive
  }

  /** Writes one event. A long text comes in pieces, and an event without a form in this dialect gives an empty text. */
  event(event: ChatEvent): string | Iterable<string> {
    if (event.type === 'usage') this.#usage = event.usage
    const { native } = event
    if (native?.dialect === dialect && (native.form === 'chunk' || native.value.choices !== undefined)) {
      const unchanged =
        native instanceof LearnedChunk
          ? this.#relayLearned(native, event.choice)
          : this.#relayPlain(native, event.choice)
      if (unchanged !== undefined) return unchanged
      if (this.#relayed?.has(native)) return ''
      if (native.json === undefined || native.isShared) {
        this.#relayed ??= new WeakSet()
        this.#relayed.add(native)
      }
      return this.#relay(native, event)
    }
    if (event.type === 'seam') return sseComment(describeSeam(event.seam))
    const choice = event.type === 'usage' ? undefined : this.#choice(event)
    return choice ? this.#write({ choices: [choice] }) : ''
  }

  /** Writes the end of a complete stream. */
  end(): string {
    const usage = this.#options.includeUsage && this.#usage ? this.#lastUsage(this.#usage) : ''
    return `${usage}${sseData('[DONE]')}`
  }

  /** Writes the usage chunk, which is the upstream's own if its numbers are the same. */
  #lastUsage(usage: Usage): string {
    const { value: chunk = {}, json } = this.#usageChunk ?? {}
    const encoded = encodeUsage(usage)
    const isUnchanged = json !== undefined && Bun.deepEquals(encoded, chunk.usage, true)
    const relayed = isUnchanged ? this.#relayJson(json, chunk) : undefined
    return relayed ?? sseData(JSON.stringify(this.#chunk({ ...chunk, choices: [] }, encoded)))
  }

  /** Writes the end of a failed stream: an error without `[DONE]`, so that clients do not take the answer for complete. */
  error(error: ChatError): string {
    return sseData(JSON.stringify(encodeError(error)))
  }

  /** Relays the chunk of a single event for one open choice, as most chunks are. Returns undefined for any other chunk. */
  #relayPlain({ json, isShared, value }: Native, choice: number): string | undefined {
    if (
      json === undefined ||
      isShared ||
      value.usage ||
      !Array.isArray(value.choices) ||
      !this.#opened.includes(choice)
    )
      return undefined
    const [only]: readonly unknown[] = value.choices
    if (value.choices.length !== 1 || !isFields(only) || only.index !== choice) return undefined
    return this.#relayJson(json, value)
  }

  /** Relays a chunk that differs from an earlier one only in its text. What stands around the text is written once. */
  #relayLearned({ template, text }: LearnedChunk, choice: number): string | undefined {
    if (this.#learned?.template !== template || this.#learned.choice !== choice) {
      if (!this.#opened.includes(choice)) return undefined
      this.#learned = { template, choice, ...this.#relayTemplate(template, choice) }
    }
    const { before, after } = this.#learned
    return before === undefined ? undefined : before + text + after
  }

  #relayTemplate(template: ChunkTemplate, choice: number): { before: string; after: string } | undefined {
    const mark = absentFrom(template.with('') + JSON.stringify(this.#streamHead()))
    const relayed = this.#relayPlain(new LearnedChunk(template, mark), choice)
    const at = relayed?.indexOf(mark) ?? -1
    return relayed === undefined || at === -1
      ? undefined
      : { before: relayed.slice(0, at), after: relayed.slice(at + mark.length) }
  }

  /** Relays the JSON of a chunk with our head. Returns undefined if that is impossible, for example because a line break would end the SSE event. */
  #relayJson(json: string, chunk: Fields): string | undefined {
    if (json.includes('\n') || json.includes('\r')) return undefined
    const known = this.#head?.relay(json, chunk)
    if (known !== undefined) return sseData(known)
    const options = { head: this.#streamHead(), hasUsage: this.#options.includeUsage }
    this.#head = RelayedHead.of(json, chunk, options)
    const relayed = this.#head?.relay(json, chunk) ?? replaceHead(json, chunk, options)
    return relayed === undefined ? undefined : sseData(relayed)
  }

  #streamHead(): StreamHead {
    const { id, model, created } = this.#options
    return { id, object: 'chat.completion.chunk', created: this.#created ?? created, model }
  }

  /** Relays a chunk without its usage, which is written once at the end. */
  #relay(native: Native, event: ChatEvent): string | Iterable<string> {
    const chunk = native.form === 'chunk' ? native.value : chunkOf(native.value)
    // the time of the first chunk that was written stays
    if (this.#opened.length === 0) this.#created ??= secondsIn(chunk.created)
    const choices = Array.isArray(chunk.choices) ? chunk.choices : []
    if (choices.length === 0 && chunk.usage) {
      this.#usageChunk = native
      return ''
    }
    const placed = this.#placeChoices(choices, event.choice)
    const isUnchanged = placed.every((choice, at) => choice === choices[at])
    const json = isUnchanged && !chunk.usage && native.form === 'chunk' ? native.json : undefined
    const relayed = json === undefined ? undefined : this.#relayJson(json, chunk)
    return relayed ?? this.#write({ ...chunk, choices: placed })
  }

  /** Returns the choices with the index of the event, and with a role in each first delta. */
  #placeChoices(choices: readonly unknown[], choice: number): readonly unknown[] {
    const [only] = choices
    const isMoved = choices.length === 1 && isFields(only) && only.index !== choice
    if (!isMoved && choices.length === 1 && this.#opened.includes(choice)) return choices
    return (isMoved ? [{ ...only, index: choice }] : choices).map((each) => this.#withRole(each))
  }

  /** Adds a role to the first delta of a choice, because the official clients require it. */
  #withRole(choice: unknown): unknown {
    if (!isFields(choice) || typeof choice.index !== 'number' || this.#opened.includes(choice.index)) return choice
    this.#opened.push(choice.index)
    const { role, ...delta } = isFields(choice.delta) ? choice.delta : {}
    if (typeof role === 'string' && role !== '') return choice
    return { ...choice, delta: { role: 'assistant', ...delta } }
  }

  /** Returns undefined for an event without a form in this dialect, such as the end of a part. */
  #choice(event: Exclude<ChatEvent, { type: 'usage' | 'seam' }>): Fields | undefined {
    const { choice } = event
    const delta = this.#delta(event)
    const logprobs = 'logprobs' in event && event.logprobs !== undefined ? { logprobs: event.logprobs } : {}
    if (!delta && !('logprobs' in logprobs)) return undefined
    const isFirst = !this.#opened.includes(choice)
    if (isFirst) this.#opened.push(choice)
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

  #delta(event: Exclude<ChatEvent, { type: 'usage' | 'seam' }>): Fields | undefined {
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
        this.#calls ??= new WrittenCalls()
        return { tool_calls: [this.#calls.open(event)] }
      case 'tool-arguments':
        return this.#calls && { tool_calls: [this.#calls.grow(event, event.json)] }
      case 'part-end': {
        if (event.annotations) return { annotations: event.annotations.map(encodeAnnotation) }
        const call = this.#calls?.end(event)
        return call && { tool_calls: [call] }
      }
      case 'finish':
        // the annotations have already been written with the text
        return rest(event.extra?.[dialect] ?? {}, ['annotations']) ?? {}
      default:
        return undefined
    }
  }

  #write(chunk: Fields): string | Iterable<string> {
    return sseJson(this.#chunk(chunk, null))
  }

  /** If the client asked for usage, every chunk has `usage`, which is null except in the last. OpenAI, `stream_options.include_usage` */
  #chunk(chunk: Fields, usage: Fields | null): Fields {
    const shown = this.#options.includeUsage ? usage : undefined
    const head = this.#streamHead()
    return { ...head, ...chunk, ...head, usage: shown }
  }
}

/** Converts a whole completion to one chunk, for a client that asked for a stream. */
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
