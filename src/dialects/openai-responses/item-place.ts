import type { Fields } from '../../chat/message.ts'
import type { MadeItem } from './items.ts'
import type { ResponseWriter } from './response-writer.ts'

/** Whether the item, and with it the answer, was cut. */
export type ItemEnd = 'completed' | 'incomplete'

/** An item that has ended, and its last events. */
export interface EndedItem {
  readonly written: string
  readonly made: MadeItem
}

/** Writes the events of one item. */
export class ItemPlace {
  readonly id: string
  readonly #writer: ResponseWriter
  readonly #index: number
  /** How each delta begins. */
  #before: string | undefined

  /** @param index its place among the items that the client gets */
  constructor(id: string, writer: ResponseWriter, index: number) {
    this.id = id
    this.#writer = writer
    this.#index = index
  }

  write(event: string, members: Fields): string {
    return this.#writer.write(`response.${event}`, { item_id: this.id, output_index: this.#index, ...members })
  }

  /**
   * Writes an event that repeats for each piece of a text.
   * @param place the JSON of what says where in the item the piece belongs
   */
  delta(event: string, place: string, delta: string): string {
    this.#before ??= `"item_id":${JSON.stringify(this.id)},"output_index":${this.#index},`
    return this.#writer.writeJson(`response.${event}`, `${this.#before}${place},"delta":${JSON.stringify(delta)}`)
  }

  added(item: Fields): string {
    return this.#writer.write('response.output_item.added', { output_index: this.#index, item })
  }

  done(item: Fields | undefined): string {
    return this.#writer.write('response.output_item.done', { output_index: this.#index, item })
  }
}
