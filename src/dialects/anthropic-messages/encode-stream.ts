import type { ChatError } from '../../chat/error.ts'
import { type ChatEvent, describeSeam, type FinishEvent, type Native, type Usage } from '../../chat/event.ts'
import type { Extras, Fields } from '../../chat/message.ts'
import { type EventOfPart, PartsInOrder } from '../../chat/parts-in-order.ts'
import { sseComment, sseEvent } from '../../wire/sse.ts'
import { isFields } from '../fields.ts'
import { replaceInner } from '../json-members.ts'
import { BlockWriter, writeEvent } from './block-writer.ts'
import { citationsIn } from './citation.ts'
import { dialect } from './dialect.ts'
import { encodeError } from './encode-error.ts'
import { headOf, messageOf } from './message-of.ts'
import { type Stop, stopOf } from './stop-reason.ts'
import { encodeUsage, hasCount } from './usage.ts'

export interface MessageStreamOptions {
  /** The id of the request. */
  readonly id: string
  /** The client's name of the model. */
  readonly model: string
  /** An estimate for the first event, because most upstreams count at the end. The last event has the true number. */
  readonly inputTokens: number
}

/**
 * Writes events as Anthropic's stream. Its blocks have an order and never overlap, so the events of a second tool call wait
 * until the first one has ended. An upstream's own event is relayed as it came, except for the id and the model.
 */
export class MessageStream {
  readonly #options: MessageStreamOptions
  #hasBegun = false
  readonly #blocks = new BlockWriter()
  readonly #order = new PartsInOrder()
  /** The upstream's event that was relayed last. Several of our events may carry it. */
  #relayed: Native | undefined
  #isRefused = false
  #finish: FinishEvent | undefined
  #usage: Usage | undefined
  /** The upstream's `message_stop`. */
  #stop: Native | undefined

  constructor(options: MessageStreamOptions) {
    this.#options = options
  }

  /** The text that shows that a silent stream is alive. Clients count it as life, but not a comment. */
  get keepAlive(): string {
    return sseEvent('ping', '{"type":"ping"}')
  }

  /** Writes one event. The dialect has one choice, and has no place for sounds and files. */
  event(event: ChatEvent): string {
    const own = event.native?.dialect === dialect && event.native.form === 'chunk' ? event.native : undefined
    if (event.type === 'usage') {
      this.#usage = event.usage
      this.#stop = own
    }
    if (event.choice !== 0 || event.type === 'usage') return ''
    const relayed = own && event.type !== 'finish' ? this.#relay(own, event) : undefined
    if (relayed !== undefined) return relayed
    if (event.type === 'foreign') return ''
    if (event.type === 'seam') return sseComment(describeSeam(event.seam))
    const begun = this.#begin()
    if (event.type !== 'finish') return begun + this.#writeAll(this.#order.add(event))
    this.#finish = event
    return begun + this.#endAll()
  }

  /** Writes the end of a complete stream. */
  end(): string {
    const begun = this.#begin() + this.#endAll() + this.#messageDelta()
    return begun + sseEvent('message_stop', this.#stop?.json ?? '{"type":"message_stop"}')
  }

  /** Writes the end of a failed stream, without `message_stop`, so that clients do not take the answer for complete. */
  error(error: ChatError): string {
    return writeEvent({ ...encodeError(error, this.#options.id) })
  }

  /** Relays an event of the upstream. Returns undefined if it must be written anew. */
  #relay(native: Native, event: ChatEvent): string | undefined {
    if (native === this.#relayed) return ''
    const relayed = this.#relayedText(native, event)
    if (relayed !== undefined) this.#relayed = native
    return relayed
  }

  #relayedText(native: Native, event: ChatEvent): string | undefined {
    const { type, index } = native.value
    if (type === 'message_start') return this.#start(native)
    if (index !== undefined) {
      const relayed = this.#blocks.relay(native, event)
      return relayed === undefined ? undefined : this.#begin() + relayed
    }
    return native.json === undefined ? undefined : this.#begin() + sseEvent(String(type), native.json)
  }

  #begin(): string {
    if (this.#hasBegun) return ''
    this.#hasBegun = true
    const { id, model } = this.#options
    return writeEvent({
      type: 'message_start',
      message: messageOf({ id, model, content: [], usage: this.#firstUsage() }),
    })
  }

  #firstUsage(): Fields {
    return encodeUsage({ inputTokens: this.#options.inputTokens, outputTokens: 1, source: 'estimate' })
  }

  /** Relays the beginning with our id and the client's name of the model. A second one would confuse clients. */
  #start({ value: { message, ...value }, json = '' }: Native): string {
    if (this.#hasBegun) return ''
    if (!isFields(message)) return this.#begin()
    this.#hasBegun = true
    const head = headOf(this.#options)
    const isWhole = Array.isArray(message.content) && hasCount(message.usage, 'input_tokens')
    const relayed = isWhole ? replaceInner(json, 'message', head) : undefined
    if (relayed !== undefined) return sseEvent('message_start', relayed)
    const usage = { ...this.#firstUsage(), ...(isFields(message.usage) && message.usage) }
    const begun = messageOf({ ...this.#options, content: [], usage })
    return writeEvent({ ...value, message: { ...begun, ...message, ...head, content: [], usage } })
  }

  /** Writes why the answer ended, and the usage. The upstream's own event is relayed if it says the same. */
  #messageDelta(): string {
    const { reason = 'other', stopSequence, extra, native } = this.#finish ?? {}
    const stop = stopOf({ reason, stopSequence, isRefused: this.#isRefused, extra })
    if (native?.dialect !== dialect || native.form !== 'chunk')
      return writeEvent({ type: 'message_delta', delta: stop, usage: encodeUsage(this.#usage) })
    const { delta, usage } = native.value
    const isCounted = hasCount(usage, 'output_tokens')
    if (native.json !== undefined && isCounted && saysSame(delta, stop)) return sseEvent('message_delta', native.json)
    return writeEvent({
      ...native.value,
      delta: { ...(isFields(delta) && delta), ...stop },
      usage: isCounted ? usage : encodeUsage(this.#usage),
    })
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
        return this.#blocks.start(event.part, callOf(event))
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

  #say(event: Extract<EventOfPart, { type: 'text' | 'refusal' }>): string {
    const citations = event.type === 'text' ? citationsIn(event.annotations) : []
    if (event.text === '' && citations.length === 0) return ''
    const opened = this.#openFor(event.part, 'text')
    const said = event.text === '' ? '' : this.#blocks.delta({ type: 'text_delta', text: event.text })
    return (
      opened + said + citations.map((citation) => this.#blocks.delta({ type: 'citations_delta', citation })).join('')
    )
  }

  /** A call of another service's own tool is not shown. */
  #serverCall({ id, name, arguments: json, extra }: Extract<EventOfPart, { type: 'server-tool-call' }>): string {
    const own = extra?.[dialect]
    if (!own) return ''
    return this.#blocks.whole({ ...own, id, name, input: {} }, { type: 'input_json_delta', partial_json: json })
  }

  /** Writes a block that comes at once. */
  #whole(block: Fields | undefined): string {
    return block ? this.#blocks.whole(block) : ''
  }

  #grow({ part, json }: { readonly part: number; readonly json: string }): string {
    if (json === '' || !this.#blocks.isOpen(part)) return ''
    return this.#blocks.delta({ type: 'input_json_delta', partial_json: json })
  }

  #think(part: number, text: string, extra: Extras | undefined): string {
    const { redacted, signature } = extra?.[dialect] ?? {}
    if (typeof redacted === 'string' && text === '') return this.#whole({ type: 'redacted_thinking', data: redacted })
    if (text === '' && signature === undefined) return ''
    const opened = this.#openFor(part, 'thinking')
    if (typeof signature === 'string') this.#blocks.sign(signature)
    return text === '' ? opened : opened + this.#blocks.delta({ type: 'thinking_delta', thinking: text })
  }

  #endPart({ part, extra }: Extract<EventOfPart, { type: 'part-end' }>): string {
    const { redacted, signature } = extra?.[dialect] ?? {}
    if (!this.#blocks.isOpen(part))
      return redacted === undefined && signature === undefined
        ? ''
        : this.#think(part, '', extra) + this.#blocks.close()
    if (typeof signature === 'string') this.#blocks.sign(signature)
    return this.#blocks.close()
  }

  #openFor(part: number, type: 'text' | 'thinking'): string {
    if (this.#blocks.isOpen(part, type)) return ''
    return this.#blocks.start(part, type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' })
  }

  #endAll(): string {
    return this.#writeAll(this.#order.end()) + this.#blocks.close()
  }
}

/** Whether an upstream's own words for the end are ours. */
function saysSame(delta: unknown, stop: Stop): boolean {
  return (
    isFields(delta) && delta.stop_reason === stop.stop_reason && (delta.stop_sequence ?? null) === stop.stop_sequence
  )
}

/** A call begins with no input: clients read only what comes in deltas. */
function callOf({ id, name }: { readonly id: string; readonly name: string }): Fields {
  return { type: 'tool_use', id, name, input: {} }
}
