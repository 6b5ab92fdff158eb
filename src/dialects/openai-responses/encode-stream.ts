import type { ChatError } from '../../chat/error.ts'
import type { ChatEvent, FinishReason, ReasoningEvent, Usage } from '../../chat/event.ts'
import type { Annotation, Extras, Fields } from '../../chat/message.ts'
import { type EventOfPart, PartsInOrder } from '../../chat/parts-in-order.ts'
import { isFields } from '../fields.ts'
import { encodeAnnotation } from './annotation.ts'
import { dialect } from './dialect.ts'
import {
  hasPhase,
  ItemMaker,
  type ItemMakerOptions,
  type MadeItem,
  messageItem,
  reasoningItem,
  refusalContent,
  sameFor,
  summaryOf,
  textContent,
} from './items.ts'
import { endOf } from './response-object.ts'
import { type AnswerSoFar, ResponseWriter, type ResponseWriterOptions } from './response-writer.ts'
import type { CallExtra } from './sealed-extra.ts'
import { textOfCall } from './tool-names.ts'

export interface ResponseStreamOptions extends ResponseWriterOptions, ItemMakerOptions {}

/** The item that is open. `text` is what has come of its last content. */
interface OpenItem {
  readonly type: 'message' | 'reasoning' | 'call'
  readonly id: string
  readonly index: number
  readonly content: Fields[]
  kind: 'text' | 'refusal' | undefined
  text: string
  /** The annotations of the last content. */
  annotations: Fields[]
  /** How the item will end. */
  status: 'completed' | 'incomplete'
  /** The fields that the upstream wants back with the item. */
  extra: Extras | undefined
  readonly callId: string
  readonly name: string
}

interface StartOptions {
  readonly callId?: string
  readonly name?: string
  readonly extra?: Extras | undefined
}

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
  #open: OpenItem | undefined
  #reason: FinishReason | undefined
  #usage: Usage | undefined
  /** The characters of all texts before the open one. */
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
    const open = this.#open
    const made = open ? [...this.#made, sameFor(this.#itemOf(open, 'incomplete'))] : this.#made
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
        return this.#start('call', { callId: event.id, name: event.name, extra: event.extra })
      case 'tool-arguments':
        this.#addExtra(event.extra)
        return this.#grow(event.json)
      case 'part-end':
        return this.#annotate(event.annotations) + this.#endPart(event.extra)
      case 'server-tool-call':
        return this.#addServerItem(event.extra?.[dialect]?.item)
      default:
        return ''
    }
  }

  #say(kind: 'text' | 'refusal', delta: string): string {
    const isOpen = this.#open?.type === 'message' && !hasPhase(this.#open.extra)
    const opened = isOpen ? '' : this.#start('message')
    return opened + this.#content(kind) + this.#delta(kind === 'text' ? 'output_text' : 'refusal', delta)
  }

  #annotate(annotations: readonly Annotation[] = []): string {
    const open = this.#open
    if (open?.kind !== 'text') return ''
    let written = ''
    for (const each of annotations) {
      const annotation = encodeAnnotation(each, this.#before)
      if (!annotation) continue
      const place = { content_index: open.content.length, annotation_index: open.annotations.length }
      open.annotations.push(annotation)
      written += this.#ofItem('response.output_text.annotation.added', { ...place, annotation })
    }
    return written
  }

  /** Opens the content of a message, if another kind of content is open. */
  #content(kind: 'text' | 'refusal'): string {
    const open = this.#open
    if (!open || open.kind === kind) return ''
    const closed = this.#closeContent(open)
    open.kind = kind
    open.text = ''
    open.annotations = []
    const part = contentOf(open)
    return closed + this.#ofItem('response.content_part.added', { content_index: open.content.length, part })
  }

  #think({ text, extra }: ReasoningEvent): string {
    if (this.#open?.type === 'reasoning') {
      this.#addExtra(extra)
      return text === '' ? '' : this.#delta('reasoning_summary_text', text)
    }
    this.#silent = { ...this.#silent, ...extra }
    if (text === '') return ''
    const opened = this.#start('reasoning', { extra: this.#silent })
    this.#silent = undefined
    const part = this.#ofItem('response.reasoning_summary_part.added', { summary_index: 0, part: summaryOf('') })
    return opened + part + this.#delta('reasoning_summary_text', text)
  }

  /** A call stays open until the next part or the finish, because only the finish tells whether it was cut. */
  #endPart(extra: Extras | undefined): string {
    if (this.#silent) return this.#thinkSilently({ ...this.#silent, ...extra })
    if (this.#open?.type !== 'message' || hasPhase(extra)) this.#addExtra(extra)
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
    const output_index = this.#shown
    this.#push(made)
    if (!shown) return ''
    const { encrypted_content: _, ...item } = shown
    return (
      this.#writer.write('response.output_item.added', { output_index, item }) +
      this.#writer.write('response.output_item.done', { output_index, item: shown })
    )
  }

  #push(made: MadeItem): void {
    this.#made.push(made)
    if (made.shown) this.#shown++
  }

  #addExtra(extra: Extras | undefined): void {
    if (this.#open && extra) this.#open.extra = { ...this.#open.extra, ...extra }
  }

  /** The input of a tool that takes a text is shown when it is whole, because it stands within JSON until then. */
  #grow(json: string): string {
    const open = this.#open
    if (open?.type !== 'call' || json === '') return ''
    if (this.#items.kindOf(open.name) === 'function') return this.#delta('function_call_arguments', json)
    open.text += json
    return ''
  }

  #delta(name: string, delta: string): string {
    const open = this.#open
    if (!open) return ''
    open.text += delta
    const place =
      open.type === 'message'
        ? { content_index: open.content.length, delta, ...(name === 'output_text' && { logprobs: [] }) }
        : { ...(open.type === 'reasoning' && { summary_index: 0 }), delta }
    return this.#ofItem(`response.${name}.delta`, place)
  }

  #start(type: OpenItem['type'], { callId = '', name = '', extra }: StartOptions = {}): string {
    const closed = this.#close()
    const id = this.#items.newId(type === 'message' ? 'msg' : type === 'reasoning' ? 'rs' : 'fc')
    const open: OpenItem = {
      type,
      id,
      index: this.#shown,
      content: [],
      kind: undefined,
      text: '',
      annotations: [],
      status: 'completed',
      extra,
      callId,
      name,
    }
    this.#open = open
    const added = { output_index: open.index, item: this.#itemOf(open, 'in_progress') }
    return closed + this.#writer.write('response.output_item.added', added)
  }

  #close(): string {
    const open = this.#open
    if (!open) return ''
    const done =
      open.type === 'message'
        ? this.#closeContent(open)
        : open.type === 'reasoning'
          ? this.#endThought(open)
          : this.#endCall(open)
    const made = this.#makeItem(open)
    this.#push(made)
    this.#open = undefined
    return done + this.#writer.write('response.output_item.done', { output_index: open.index, item: made.shown })
  }

  #closeContent(open: OpenItem): string {
    if (!open.kind) return ''
    const [place, part] = [{ content_index: open.content.length }, contentOf(open)]
    const done =
      open.kind === 'text'
        ? this.#ofItem('response.output_text.done', { ...place, text: open.text, logprobs: [] })
        : this.#ofItem('response.refusal.done', { ...place, refusal: open.text })
    const closed = done + this.#ofItem('response.content_part.done', { ...place, part })
    open.content.push(part)
    if (open.kind === 'text') this.#before += open.text.length
    open.kind = undefined
    return closed
  }

  #endThought({ text }: OpenItem): string {
    const place = { summary_index: 0 }
    const done = this.#ofItem('response.reasoning_summary_text.done', { ...place, text })
    return done + this.#ofItem('response.reasoning_summary_part.done', { ...place, part: summaryOf(text) })
  }

  #endCall({ name, text }: OpenItem): string {
    switch (this.#items.kindOf(name)) {
      case 'function':
        return this.#ofItem('response.function_call_arguments.done', { arguments: text })
      case 'custom': {
        const input = textOfCall(text)
        const delta = input === '' ? '' : this.#ofItem('response.custom_tool_call_input.delta', { delta: input })
        return delta + this.#ofItem('response.custom_tool_call_input.done', { input })
      }
      default:
        return ''
    }
  }

  #itemOf(open: OpenItem, status: 'in_progress' | OpenItem['status']): Fields {
    const { type, id, content, kind, text, callId, name, extra } = open
    if (type === 'message') return messageItem(id, kind ? [...content, contentOf(open)] : [...content], status, extra)
    if (type === 'reasoning') return reasoningItem(id, text)
    return this.#items.call(id, { callId, name, json: text, status })
  }

  #makeItem(open: OpenItem): MadeItem {
    if (open.type === 'call' && open.extra) this.#calls.push({ id: open.callId, extra: open.extra })
    const thought = open.type === 'reasoning' ? this.#items.thought(open.text, open.extra, open.id) : undefined
    return thought ?? sameFor(this.#itemOf(open, open.status))
  }

  /** Ends the last item. If the answer is not complete, the item says so, and nothing follows it. */
  #endItems(status: OpenItem['status'], extra: Extras | undefined): string {
    const ended = this.#writeAll(this.#order.end()) + (this.#silent ? this.#thinkSilently(this.#silent) : '')
    if (this.#open) this.#open.status = status
    const closed = ended + this.#close()
    if (status === 'incomplete') return closed
    return this.#items.leftover(this.#calls, extra).reduce((text, item) => text + this.#addWhole(item), closed)
  }

  /** Writes an event of the open item. */
  #ofItem(type: string, members: Fields): string {
    const { id, index } = this.#open ?? { id: '', index: 0 }
    return this.#writer.write(type, { item_id: id, output_index: index, ...members })
  }
}

function contentOf({ kind, text, annotations }: OpenItem): Fields {
  return kind === 'refusal' ? refusalContent(text) : textContent(text, annotations)
}
