import type { Extras, Fields } from '../../chat/message.ts'
import type { EndedItem, ItemEnd, ItemPlace } from './item-place.ts'
import { type ItemMaker, reasoningItem, sameFor, summaryOf } from './items.ts'
import { textOfCall } from './tool-names.ts'

/** A thought with words. */
export class OpenThought {
  readonly type = 'reasoning'
  readonly #place: ItemPlace
  readonly #items: ItemMaker
  #text = ''
  #extra: Extras

  /** @param extra the fields that the upstream wants back with it */
  constructor(place: ItemPlace, items: ItemMaker, extra: Extras) {
    this.#place = place
    this.#items = items
    this.#extra = extra
  }

  begin(): string {
    const added = this.#place.added(reasoningItem(this.#place.id, ''))
    return added + this.#place.write('reasoning_summary_part.added', { summary_index: 0, part: summaryOf('') })
  }

  think(delta: string): string {
    if (delta === '') return ''
    this.#text += delta
    return this.#place.delta('reasoning_summary_text.delta', '"summary_index":0', delta)
  }

  keep(extra: Extras | undefined): void {
    this.#extra = { ...this.#extra, ...extra }
  }

  soFar(): Fields {
    return reasoningItem(this.#place.id, this.#text)
  }

  end(): EndedItem {
    const [place, text] = [{ summary_index: 0 }, this.#text]
    const made = this.#items.thought(text, this.#extra, this.#place.id) ?? sameFor(this.soFar())
    const done = this.#place.write('reasoning_summary_text.done', { ...place, text })
    const closed = done + this.#place.write('reasoning_summary_part.done', { ...place, part: summaryOf(text) })
    return { written: closed + this.#place.done(made.shown), made }
  }
}

/** A call of the model. */
export class OpenCallItem {
  readonly type = 'call'
  readonly callId: string
  readonly #place: ItemPlace
  readonly #items: ItemMaker
  readonly #name: string
  readonly #kind: ReturnType<ItemMaker['kindOf']>
  #json = ''
  extra: Extras | undefined

  constructor(place: ItemPlace, items: ItemMaker, call: { readonly id: string; readonly name: string }) {
    this.callId = call.id
    this.#place = place
    this.#items = items
    this.#name = call.name
    this.#kind = items.kindOf(call.name)
  }

  begin(): string {
    return this.#place.added(this.#item('in_progress'))
  }

  /** The input of a tool that takes a text is shown when it is whole, because it stands within JSON until then. */
  grow(json: string): string {
    this.#json += json
    if (json === '' || this.#kind !== 'function') return ''
    return this.#place.write('function_call_arguments.delta', { delta: json })
  }

  keep(extra: Extras | undefined): void {
    if (extra) this.extra = { ...this.extra, ...extra }
  }

  soFar(status: ItemEnd): Fields {
    return this.#item(status)
  }

  end(status: ItemEnd): EndedItem {
    const item = this.#item(status)
    return { written: this.#endInput() + this.#place.done(item), made: sameFor(item) }
  }

  #item(status: 'in_progress' | ItemEnd): Fields {
    return this.#items.call(this.#place.id, { callId: this.callId, name: this.#name, json: this.#json, status })
  }

  #endInput(): string {
    if (this.#kind === 'function') return this.#place.write('function_call_arguments.done', { arguments: this.#json })
    if (this.#kind !== 'custom') return ''
    const input = textOfCall(this.#json)
    const delta = input === '' ? '' : this.#place.write('custom_tool_call_input.delta', { delta: input })
    return delta + this.#place.write('custom_tool_call_input.done', { input })
  }
}
