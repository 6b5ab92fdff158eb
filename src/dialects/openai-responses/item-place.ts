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

  /** @param index its place among the items that the client gets */
  constructor(id: string, writer: ResponseWriter, index: number) {
    this.id = id
    this.#writer = writer
    this.#index = index
  }

  write(event: string, members: Fields): string {
    return this.#writer.write(`response.${event}`, { item_id: this.id, output_index: this.#index, ...members })
  }

  added(item: Fields): string {
    return this.#writer.write('response.output_item.added', { output_index: this.#index, item })
  }

  done(item: Fields | undefined): string {
    return this.#writer.write('response.output_item.done', { output_index: this.#index, item })
  }
}
