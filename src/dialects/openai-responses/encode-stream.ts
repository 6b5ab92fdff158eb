import type { ChatError } from '../../chat/error.ts'
import type { ChatEvent, FinishReason, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { type EventOfPart, PartsInOrder } from '../../chat/parts-in-order.ts'
import { sseData, sseEvent } from '../../wire/sse.ts'
import { failureOf } from './encode-error.ts'
import { ItemMaker, messageItem, reasoningItem, refusalContent, summaryOf, textContent } from './items.ts'
import { encodeResponse, endOf, type ResponseHead } from './response-object.ts'
import { type ToolNames, textOfCall } from './tool-names.ts'

export interface ResponseStreamOptions extends ResponseHead {
  readonly names: ToolNames
  /** Unix seconds. */
  now(): number
  /** Keeps the whole response. */
  keep(response: Fields): Promise<void> | undefined
}

/** The item that is open. `text` is what has come of its last content. */
interface OpenItem {
  readonly type: 'message' | 'reasoning' | 'call'
  readonly id: string
  readonly index: number
  readonly content: Fields[]
  kind: 'text' | 'refusal' | undefined
  text: string
  /** How the item will end. */
  status: 'completed' | 'incomplete'
  readonly callId: string
  readonly name: string
}

/**
 * Writes events as the stream of a response. Each item is added, grows and is done before the next one, and the last event has
 * all of them.
 */
export class ResponseStream {
  readonly #options: ResponseStreamOptions
  readonly #items: ItemMaker
  readonly #order = new PartsInOrder()
  readonly #output: Fields[] = []
  #sequence = 0
  #hasBegun = false
  #open: OpenItem | undefined
  #reason: FinishReason | undefined
  #usage: Usage | undefined
  #whole: Fields | undefined

  constructor(options: ResponseStreamOptions) {
    this.#options = options
    this.#items = new ItemMaker(options.id.replace('resp_', ''), options.names)
  }

  /** The text that shows that a silent stream is alive. Codex does not count a comment as life. */
  get keepAlive(): string {
    return this.#hasBegun ? this.#snapshot('response.in_progress') : this.#begin()
  }

  /** Writes one event. The dialect has one choice. */
  event(event: ChatEvent): string {
    if (event.type === 'usage') this.#usage = event.usage
    if (event.choice !== 0 || event.type === 'usage' || event.type === 'foreign') return ''
    const begun = this.#begin()
    if (event.type !== 'finish') return begun + this.#writeAll(this.#order.add(event))
    this.#reason = event.reason
    return begun + this.#endItems(endOf(event.reason).status)
  }

  kept(): Promise<void> | undefined {
    return this.#options.keep(this.#encodeWhole())
  }

  /** Writes the end of a complete stream. */
  end(): string {
    return this.#begin() + this.#terminal(this.#encodeWhole())
  }

  /** Writes the end of a failed stream. An `error` event would hide the reason from most clients. */
  error(error: ChatError): string {
    const state = { status: 'failed', output: this.#output, error: failureOf(error) } as const
    return this.#begin() + this.#terminal(encodeResponse(this.#options, state))
  }

  #begin(): string {
    if (this.#hasBegun) return ''
    this.#hasBegun = true
    return this.#snapshot('response.created') + this.#snapshot('response.in_progress')
  }

  #snapshot(type: string): string {
    return this.#write(type, { response: encodeResponse(this.#options, { status: 'in_progress', output: [] }) })
  }

  /** The whole response, which is made once, so that the client and the store have the same. */
  #encodeWhole(): Fields {
    this.#whole ??= encodeResponse(this.#options, {
      ...endOf(this.#reason),
      output: this.#output,
      usage: this.#usage,
      completed: this.#options.now(),
    })
    return this.#whole
  }

  #terminal(response: Fields): string {
    return this.#write(`response.${response.status}`, { response }) + sseData('[DONE]')
  }

  #writeAll(events: readonly EventOfPart[]): string {
    let written = ''
    for (const event of events) written += this.#part(event)
    return written
  }

  #part(event: EventOfPart): string {
    switch (event.type) {
      case 'text':
      case 'refusal':
        return event.text === '' ? '' : this.#say(event.type, event.text)
      case 'reasoning':
        return event.text === '' ? '' : this.#think(event.text)
      case 'tool-call':
        return this.#start('call', { callId: event.id, name: event.name })
      case 'tool-arguments':
        return this.#grow(event.json)
      case 'part-end':
        return this.#open?.type === 'message' ? '' : this.#close()
      default:
        return ''
    }
  }

  #say(kind: 'text' | 'refusal', delta: string): string {
    const opened = this.#open?.type === 'message' ? '' : this.#start('message')
    return opened + this.#content(kind) + this.#delta(kind === 'text' ? 'output_text' : 'refusal', delta)
  }

  /** Opens the content of a message, if another kind of content is open. */
  #content(kind: 'text' | 'refusal'): string {
    const open = this.#open
    if (!open || open.kind === kind) return ''
    const closed = this.#closeContent(open)
    open.kind = kind
    open.text = ''
    const part = kind === 'text' ? textContent('') : refusalContent('')
    return closed + this.#ofItem('response.content_part.added', { content_index: open.content.length, part })
  }

  #think(delta: string): string {
    if (this.#open?.type === 'reasoning') return this.#delta('reasoning_summary_text', delta)
    const opened = this.#start('reasoning')
    const part = this.#ofItem('response.reasoning_summary_part.added', { summary_index: 0, part: summaryOf('') })
    return opened + part + this.#delta('reasoning_summary_text', delta)
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

  #start(type: OpenItem['type'], { callId = '', name = '' } = {}): string {
    const closed = this.#close()
    const id = this.#items.newId(type === 'message' ? 'msg' : type === 'reasoning' ? 'rs' : 'fc')
    const open: OpenItem = {
      type,
      id,
      index: this.#output.length,
      content: [],
      kind: undefined,
      text: '',
      status: 'completed',
      callId,
      name,
    }
    this.#open = open
    const added = { output_index: open.index, item: this.#itemOf(open, 'in_progress') }
    return closed + this.#write('response.output_item.added', added)
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
    const item = this.#itemOf(open, open.status)
    this.#output.push(item)
    this.#open = undefined
    return done + this.#write('response.output_item.done', { output_index: open.index, item })
  }

  #closeContent(open: OpenItem): string {
    if (!open.kind) return ''
    const [place, part] = [
      { content_index: open.content.length },
      open.kind === 'text' ? textContent(open.text) : refusalContent(open.text),
    ]
    const done =
      open.kind === 'text'
        ? this.#ofItem('response.output_text.done', { ...place, text: open.text, logprobs: [] })
        : this.#ofItem('response.refusal.done', { ...place, refusal: open.text })
    const closed = done + this.#ofItem('response.content_part.done', { ...place, part })
    open.content.push(part)
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
    const { type, id, content, text, callId, name } = open
    if (type === 'message') return messageItem(id, [...content], status)
    if (type === 'reasoning') return reasoningItem(id, text)
    return this.#items.call(id, { callId, name, json: text, status })
  }

  /** Ends the last item. A message that is not complete says so. */
  #endItems(status: OpenItem['status']): string {
    const ended = this.#writeAll(this.#order.end())
    if (this.#open?.type === 'message') this.#open.status = status
    return ended + this.#close()
  }

  /** Writes an event of the open item. */
  #ofItem(type: string, members: Fields): string {
    const { id, index } = this.#open ?? { id: '', index: 0 }
    return this.#write(type, { item_id: id, output_index: index, ...members })
  }

  #write(type: string, members: Fields): string {
    return sseEvent(type, JSON.stringify({ type, sequence_number: this.#sequence++, ...members }))
  }
}
