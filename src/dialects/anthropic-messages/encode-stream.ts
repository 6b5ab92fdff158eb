import type { ChatError } from '../../chat/error.ts'
import type { ChatEvent, FinishEvent, Native, Usage } from '../../chat/event.ts'
import type { Extras, Fields } from '../../chat/message.ts'
import { type EventOfPart, PartsInOrder } from '../../chat/parts-in-order.ts'
import { sseEvent } from '../../wire/sse.ts'
import { citationsIn } from './citation.ts'
import { dialect } from './dialect.ts'
import { encodeError } from './encode-error.ts'
import { type Stop, stopOf } from './stop-reason.ts'
import { encodeUsage } from './usage.ts'

export interface MessageStreamOptions {
  /** The id of the request. */
  readonly id: string
  /** The client's name of the model. */
  readonly model: string
  /** An estimate for the first event, because most upstreams count at the end. The last event has the true number. */
  readonly inputTokens: number
}

/** The block that is open. `signature` is written at its end. */
interface WrittenBlock {
  readonly part: number
  readonly type: 'text' | 'thinking' | 'tool_use'
  signature: string
}

/**
 * Writes events as Anthropic's stream. Its blocks have an order and never overlap, so the events of a second tool call wait
 * until the first one has ended.
 */
export class MessageStream {
  readonly #options: MessageStreamOptions
  #hasBegun = false
  #blocks = 0
  #open: WrittenBlock | undefined
  readonly #order = new PartsInOrder()
  #isRefused = false
  #finish: FinishEvent | undefined
  #usage: Usage | undefined

  constructor(options: MessageStreamOptions) {
    this.#options = options
  }

  /** The text that shows that a silent stream is alive. Clients count it as life, but not a comment. */
  get keepAlive(): string {
    return sseEvent('ping', '{"type":"ping"}')
  }

  /** Writes one event. The dialect has one choice, and has no place for sounds and files. */
  event(event: ChatEvent): string {
    if (event.type === 'usage') this.#usage = event.usage
    if (event.choice !== 0 || event.type === 'usage') return ''
    if (event.type === 'foreign') return this.#foreign(event.native)
    const begun = this.#begin()
    if (event.type !== 'finish') return begun + this.#writeAll(this.#order.add(event))
    this.#finish = event
    return begun + this.#endAll()
  }

  /** Writes the end of a complete stream. */
  end(): string {
    const { reason = 'other', stopSequence, extra } = this.#finish ?? {}
    const stop = stopOf({ reason, stopSequence, isRefused: this.#isRefused, extra })
    const ended = write({ type: 'message_delta', delta: stop, usage: encodeUsage(this.#usage) })
    return this.#begin() + this.#endAll() + ended + write({ type: 'message_stop' })
  }

  /** Writes the end of a failed stream, without `message_stop`, so that clients do not take the answer for complete. */
  error(error: ChatError): string {
    return write({ ...encodeError(error, this.#options.id) })
  }

  #begin(): string {
    if (this.#hasBegun) return ''
    this.#hasBegun = true
    const { id, model, inputTokens } = this.#options
    const usage = encodeUsage({ inputTokens, outputTokens: 1, source: 'estimate' })
    return write({ type: 'message_start', message: messageOf({ id, model, content: [], usage }) })
  }

  #writeAll(events: readonly EventOfPart[]): string {
    let written = ''
    for (const event of events) written += this.#write(event)
    return written
  }

  #write(event: EventOfPart): string {
    switch (event.type) {
      case 'text':
      case 'refusal':
        this.#isRefused ||= event.type === 'refusal'
        return this.#say(event)
      case 'reasoning':
        return this.#think(event.part, event.text, event.extra)
      case 'tool-call':
        return this.#start({ part: event.part, type: 'tool_use', signature: '' }, callOf(event))
      case 'tool-arguments':
        return this.#grow(event)
      case 'part-end':
        return this.#endPart(event)
      case 'server-tool-call':
        return this.#serverCall(event)
      case 'server-tool-result':
        return this.#whole(event.extra?.[dialect])
      case 'file':
        return ''
    }
  }

  /** Writes a block that only this dialect has, as Anthropic sent it. A block of another dialect is left out. */
  #foreign(native: Native | undefined): string {
    return native?.dialect === dialect ? this.#begin() + this.#whole(native.value) : ''
  }

  #say(event: Extract<EventOfPart, { type: 'text' | 'refusal' }>): string {
    const citations = event.type === 'text' ? citationsIn(event.annotations) : []
    if (event.text === '' && citations.length === 0) return ''
    const opened = this.#openFor(event.part, 'text')
    const said = event.text === '' ? '' : this.#delta({ type: 'text_delta', text: event.text })
    return opened + said + citations.map((citation) => this.#delta({ type: 'citations_delta', citation })).join('')
  }

  /** A call of another service's own tool is not shown. */
  #serverCall({ id, name, arguments: json, extra }: Extract<EventOfPart, { type: 'server-tool-call' }>): string {
    const own = extra?.[dialect]
    if (!own) return ''
    const closed = this.#close()
    const index = this.#blocks++
    const block = { ...own, id, name, input: {} }
    const delta = { type: 'input_json_delta', partial_json: json }
    const opened = write({ type: 'content_block_start', index, content_block: block })
    return closed + opened + write({ type: 'content_block_delta', index, delta }) + stopBlock(index)
  }

  /** Writes a block that comes at once. */
  #whole(block: Fields | undefined): string {
    if (!block) return ''
    const closed = this.#close()
    const index = this.#blocks++
    return closed + write({ type: 'content_block_start', index, content_block: block }) + stopBlock(index)
  }

  #grow({ part, json }: { readonly part: number; readonly json: string }): string {
    return json === '' || this.#open?.part !== part ? '' : this.#delta({ type: 'input_json_delta', partial_json: json })
  }

  #think(part: number, text: string, extra: Extras | undefined): string {
    const { redacted, signature } = extra?.[dialect] ?? {}
    if (typeof redacted === 'string' && text === '') return this.#whole({ type: 'redacted_thinking', data: redacted })
    if (text === '' && signature === undefined) return ''
    const opened = this.#openFor(part, 'thinking')
    if (this.#open && typeof signature === 'string') this.#open.signature = signature
    return text === '' ? opened : opened + this.#delta({ type: 'thinking_delta', thinking: text })
  }

  #endPart({ part, extra }: Extract<EventOfPart, { type: 'part-end' }>): string {
    const { redacted, signature } = extra?.[dialect] ?? {}
    if (this.#open?.part !== part)
      return redacted === undefined && signature === undefined ? '' : this.#think(part, '', extra) + this.#close()
    if (typeof signature === 'string') this.#open.signature = signature
    return this.#close()
  }

  #openFor(part: number, type: 'text' | 'thinking'): string {
    if (this.#open?.part === part && this.#open.type === type) return ''
    const block = type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' }
    return this.#start({ part, type, signature: '' }, block)
  }

  #start(open: WrittenBlock, block: Fields): string {
    const closed = this.#close()
    this.#open = open
    return closed + write({ type: 'content_block_start', index: this.#blocks++, content_block: block })
  }

  #delta(delta: Fields): string {
    return write({ type: 'content_block_delta', index: this.#blocks - 1, delta })
  }

  #close(): string {
    const open = this.#open
    if (!open) return ''
    const signed = open.signature === '' ? '' : this.#delta({ type: 'signature_delta', signature: open.signature })
    this.#open = undefined
    return signed + stopBlock(this.#blocks - 1)
  }

  #endAll(): string {
    return this.#writeAll(this.#order.end()) + this.#close()
  }
}

interface MessageMembers {
  readonly id: string
  readonly model: string
  readonly content: readonly Fields[]
  readonly usage: Fields
  readonly stop?: Stop
}

/** Writes a message of an answer. Without `stop` it has not ended. */
export function messageOf({ id, model, content, usage, stop }: MessageMembers): Fields {
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model,
    content,
    ...(stop ?? notStopped),
    usage,
  }
}

const notStopped = { stop_reason: null, stop_sequence: null, stop_details: null, container: null }

/** A call begins with no input: clients read only what comes in deltas. */
function callOf({ id, name }: { readonly id: string; readonly name: string }): Fields {
  return { type: 'tool_use', id, name, input: {} }
}

function stopBlock(index: number): string {
  return write({ type: 'content_block_stop', index })
}

/** The name of an event is the type of its data. */
function write(data: Fields & { readonly type?: unknown }): string {
  return sseEvent(String(data.type), JSON.stringify(data))
}
