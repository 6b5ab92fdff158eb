import type { ChatError } from '../../chat/error.ts'
import type { ChatEvent, Native, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { sseData } from '../../wire/sse.ts'
import { encodeAnnotation } from './annotation.ts'
import { encodeError } from './encode-error.ts'
import { isFields } from './fields.ts'
import { encodeFinish } from './finish-reason.ts'
import { dialect } from './schema.ts'
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
  readonly #opened = new Set<number>()
  #created: number | undefined
  #relayed: Native | undefined
  #usage: Usage | undefined
  /** The upstream's own chunk for usage: it may hold more. */
  #usageChunk: Fields | undefined

  constructor(options: EncodeOptions) {
    this.#options = options
  }

  /** The bytes of one event; empty where it needs none. */
  event(event: ChatEvent): string {
    if (event.type === 'usage') this.#usage = event.usage
    const native = event.native
    if (native?.form === 'chunk' && native.dialect === dialect) {
      if (native === this.#relayed) return ''
      this.#relayed = native
      return this.#relay(native.value, event)
    }
    return event.type === 'usage' ? '' : this.#write({ choices: [this.#choice(event)] })
  }

  /** The bytes that end the stream well. */
  end(): string {
    const { includeUsage } = this.#options
    const usage =
      includeUsage && this.#usage
        ? this.#write({ choices: [], ...this.#usageChunk, usage: encodeUsage(this.#usage) })
        : ''
    return `${usage}${sseData('[DONE]')}`
  }

  /** The bytes that end it badly: an error event, and no `[DONE]`, so that nobody takes it for complete. */
  error(error: ChatError): string {
    return sseData(JSON.stringify(encodeError(error)))
  }

  /** Usage comes once, at the end, wherever the upstream had it. */
  #relay(chunk: Fields, event: ChatEvent): string {
    if (this.#created === undefined && typeof chunk.created === 'number') this.#created = chunk.created
    const { usage, ...others } = chunk
    const choices = Array.isArray(chunk.choices) ? chunk.choices : []
    if (choices.length === 0 && usage) {
      this.#usageChunk = chunk
      return ''
    }
    const [only] = choices
    const moved = choices.length === 1 && isFields(only) && only.index !== event.choice
    return this.#write(moved ? { ...others, choices: [{ ...only, index: event.choice }] } : others)
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

  #write(chunk: Fields): string {
    const { id, model } = this.#options
    const head = { id, object: 'chat.completion.chunk', created: this.#created ?? this.#options.created, model }
    return sseData(JSON.stringify({ ...head, ...chunk, ...head }))
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
      return { reasoning_content: event.text }
    case 'tool-call':
      return {
        tool_calls: [
          { index: event.index, id: event.id, type: 'function', function: { name: event.name, arguments: '' } },
        ],
      }
    case 'tool-arguments':
      return { tool_calls: [{ index: event.index, function: { arguments: event.json } }] }
    case 'finish':
      return {}
  }
}
