import type { ChatError } from '../../chat/error.ts'
import {
  type ChatEvent,
  describeSeam,
  type FinishReason,
  type ReasoningEvent,
  type ToolCallEvent,
  type Usage,
} from '../../chat/event.ts'
import type { Annotation, Extras } from '../../chat/message.ts'
import { type EventOfPart, PartsInOrder } from '../../chat/parts-in-order.ts'
import { sseComment } from '../../wire/sse.ts'
import { isFields } from '../fields.ts'
import { dialect } from './dialect.ts'
import { type ItemEnd, ItemPlace } from './item-place.ts'
import { ItemMaker, type ItemMakerOptions, type MadeItem, sameFor } from './items.ts'
import { OpenCallItem, OpenThought } from './open-items.ts'
import { OpenMessage } from './open-message.ts'
import { endOf } from './response-object.ts'
import { type AnswerSoFar, ResponseWriter, type ResponseWriterOptions } from './response-writer.ts'
import type { CallExtra } from './sealed-extra.ts'

export interface ResponseStreamOptions extends ResponseWriterOptions, ItemMakerOptions {}

/**
 * Writes events as the stream of a response. Each item is added, grows and is done before the next one, and the last event has
 * all of them.
 */
export class ResponseStream {
  readonly #writer: ResponseWriter
  readonly #items: ItemMaker
  readonly #order = new PartsInOrder()
  readonly #made: MadeItem[] = []
  /** How many of them the client gets. */
  #shown = 0
  readonly #calls: CallExtra[] = []
  /** The fields of a thought that has no words so far. */
  #silent: Extras | undefined
  #open: OpenMessage | OpenThought | OpenCallItem | undefined
  #reason: FinishReason | undefined
  #usage: Usage | undefined
  /** Characters of the texts before the open message. */
  #before = 0

  constructor(options: ResponseStreamOptions) {
    this.#writer = new ResponseWriter(options)
    this.#items = new ItemMaker(options)
  }

  get keepAlive(): string {
    return this.#writer.keepAlive
  }

  /** Writes the beginning of a response that no model works on yet. */
  queue(): string {
    return this.#writer.queue()
  }

  /** Writes one event. The dialect has one choice. */
  event(event: ChatEvent): string {
    if (event.type === 'usage') this.#usage = event.usage
    if (event.choice !== 0 || event.type === 'usage' || event.type === 'foreign') return ''
    if (event.type === 'seam') return sseComment(describeSeam(event.seam))
    const begun = this.#writer.begin()
    if (event.type !== 'finish') return begun + this.#writeAll(this.#order.add(event))
    this.#reason = event.reason
    return begun + this.#endItems(endOf(event.reason).status, event.extra)
  }

  kept(error?: ChatError): Promise<void> | undefined {
    return this.#writer.kept(this.#soFar(), error)
  }

  /** Writes the end of a complete stream. */
  end(): string {
    return this.#writer.terminal(this.#soFar())
  }

  /** Writes the end of a failed stream. The item that was open is in the response, but is never done: a client could run half a call. */
  error(error: ChatError): string {
    return this.#writer.terminal(this.#soFar(), error)
  }

  #soFar(): AnswerSoFar {
    const made = this.#open ? [...this.#made, sameFor(this.#open.soFar('incomplete'))] : this.#made
    return {
      output: made.flatMap(({ shown }) => (shown ? [shown] : [])),
      items: made.map(({ kept }) => kept),
      reason: this.#reason,
      usage: this.#usage,
    }
  }

  #writeAll(events: readonly EventOfPart[]): string {
    let written = ''
    for (const event of events) written += this.#part(event)
    return written
  }

  #part(event: EventOfPart): string {
    switch (event.type) {
      case 'text':
        return (event.text === '' ? '' : this.#say('text', event.text)) + this.#annotate(event.annotations)
      case 'refusal':
        return event.text === '' ? '' : this.#say('refusal', event.text)
      case 'reasoning':
        return this.#think(event)
      case 'tool-call':
        return this.#call(event)
      case 'tool-arguments':
        if (this.#open?.type !== 'call') return ''
        this.#open.keep(event.extra)
        return this.#open.grow(event.json)
      case 'part-end':
        return this.#annotate(event.annotations) + this.#endPart(event.extra)
      case 'server-tool-call':
        return this.#addServerItem(event.extra?.[dialect]?.item)
      default:
        return ''
    }
  }

  #say(kind: 'text' | 'refusal', delta: string): string {
    if (this.#open?.type === 'message' && !this.#open.hasPhase) return this.#open.say(kind, delta)
    const closed = this.#close()
    const message = new OpenMessage(this.#place('msg'), this.#before)
    this.#open = message
    return closed + message.begin() + message.say(kind, delta)
  }

  #annotate(annotations: readonly Annotation[] | undefined): string {
    return this.#open?.type === 'message' ? this.#open.annotate(annotations) : ''
  }

  #think({ text, extra }: ReasoningEvent): string {
    if (this.#open?.type === 'reasoning') {
      this.#open.keep(extra)
      return this.#open.think(text)
    }
    this.#silent = { ...this.#silent, ...extra }
    if (text === '') return ''
    const closed = this.#close()
    const thought = new OpenThought(this.#place('rs'), this.#items, this.#silent)
    this.#silent = undefined
    this.#open = thought
    return closed + thought.begin() + thought.think(text)
  }

  #call(event: ToolCallEvent): string {
    const closed = this.#close()
    const call = new OpenCallItem(this.#place('fc'), this.#items, event)
    call.keep(event.extra)
    this.#open = call
    return closed + call.begin()
  }

  /** A call stays open until the next part or the finish, because only the finish tells whether it was cut. */
  #endPart(extra: Extras | undefined): string {
    if (this.#silent) return this.#thinkSilently({ ...this.#silent, ...extra })
    this.#open?.keep(extra)
    return this.#open?.type === 'reasoning' ? this.#close() : ''
  }

  /** Writes a thought without words, if the client gets what it has in their place. */
  #thinkSilently(extra: Extras): string {
    this.#silent = undefined
    const thought = this.#items.thought('', extra)
    return thought ? this.#close() + this.#addWhole(thought) : ''
  }

  /** Writes an item that an upstream of this dialect made itself, such as a search. */
  #addServerItem(item: unknown): string {
    return isFields(item) ? this.#close() + this.#addWhole(sameFor(item)) : ''
  }

  /** Writes an item that comes as a whole. */
  #addWhole(made: MadeItem): string {
    const { shown } = made
    const place = new ItemPlace('', this.#writer, this.#shown)
    this.#push(made)
    if (!shown) return ''
    const { encrypted_content: _, ...item } = shown
    return place.added(item) + place.done(shown)
  }

  #close(status: ItemEnd = 'completed'): string {
    const open = this.#open
    if (!open) return ''
    this.#open = undefined
    if (open.type === 'call' && open.extra) this.#calls.push({ id: open.callId, extra: open.extra })
    const { written, made } = open.end(status)
    this.#push(made)
    if (open.type === 'message') this.#before = open.before
    return written
  }

  #push(made: MadeItem): void {
    this.#made.push(made)
    if (made.shown) this.#shown++
  }

  #place(prefix: 'msg' | 'rs' | 'fc'): ItemPlace {
    return new ItemPlace(this.#items.newId(prefix), this.#writer, this.#shown)
  }

  /** Ends the last item. If the answer is not complete, the item says so, and nothing follows it. */
  #endItems(status: ItemEnd, extra: Extras | undefined): string {
    const ended = this.#writeAll(this.#order.end()) + (this.#silent ? this.#thinkSilently(this.#silent) : '')
    const closed = ended + this.#close(status)
    if (status === 'incomplete') return closed
    return this.#items.leftover(this.#calls, extra).reduce((text, item) => text + this.#addWhole(item), closed)
  }
}
